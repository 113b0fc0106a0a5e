"""A saved classifier on images of any size, and what it says of those that it cannot take."""

import zipfile

import keras
import numpy as np
import PIL.Image
import pytest
import scipy.special
from programs import run_commands

from tfdrop.classifier import load_classifier, make_classifier, save_classifier
from tfdrop.data.preprocessing import Standardization, fit_channels, fit_pixel_mean, fit_whitening

STANDARDIZE = Standardization(np.float32([100]), np.float32([50]))


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])


@pytest.fixture(scope="module")
def classifier(network):
    return make_classifier(network, STANDARDIZE, ("ant", "bee", "cat"), (6, 6, 3), crop_size=4)


def images(count=5, size=6):
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3)).astype("uint8")


def test_probabilities_are_those_of_the_middle(network, classifier):
    x = images()
    kernel, bias = network.get_weights()
    logits = ((x[:, 1:5, 1:5].reshape(5, -1) - 100.0) / 50) @ kernel + bias
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(classifier.probabilities(x), expected, rtol=1e-4)


def test_files_of_any_size(classifier, tmp_path):
    small, large = images(1)[0], np.kron(images(1)[0], np.ones((3, 3, 1), "uint8"))
    wide = np.concatenate([np.zeros((18, 4, 3), "uint8"), large, np.zeros((18, 4, 3), "uint8")], axis=1)
    for name, pixels in {"small": small, "large": large, "wide": wide}.items():
        PIL.Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    answers = classifier.classify([tmp_path / f"{name}.png" for name in ("small", "large", "wide")])
    found = classifier.probabilities(small[None])[0]
    assert answers[0].name == classifier.classes[found.argmax()]
    assert answers[0].probability == pytest.approx(found.max())
    assert answers[1][1:] == answers[2][1:]  # the largest square in the middle
    assert classifier.classify([]) == []


@pytest.mark.parametrize("wrong", [images(size=5), images().astype("float32"), images()[0]])
def test_arrays_that_are_no_such_images(classifier, wrong):
    with pytest.raises(ValueError, match=r"argument `images`. Expected a uint8 array of shape \(n, 6, 6, 3\)"):
        classifier.probabilities(wrong)


def test_images_that_are_no_square(tmp_path):
    wide = keras.Sequential([keras.Input((4, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    PIL.Image.fromarray(images(1)[0]).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png: expected an image of 4x8. Received: 6x6"):
        make_classifier(wide, STANDARDIZE, ("ant", "bee"), (4, 8, 3)).classify([tmp_path / "a.png"])


def test_grey_images(tmp_path):
    network = keras.Sequential([keras.Input((3, 3, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    x = np.random.default_rng(0).integers(0, 256, (1, 3, 3, 1)).astype("uint8")
    PIL.Image.fromarray(x[0, ..., 0]).save(tmp_path / "a.png")
    classifier = make_classifier(network, STANDARDIZE, ("ant", "bee"), (3, 3, 1))
    [answer] = classifier.classify([tmp_path / "a.png"])
    assert answer.probability == pytest.approx(classifier.probabilities(x).max())


def test_as_many_names_as_outputs(network):
    with pytest.raises(ValueError, match=r"argument `classes`\. Expected 3 names, one for each output\. Received: 1"):
        make_classifier(network, STANDARDIZE, ("ant",), (4, 4, 3))


@pytest.mark.parametrize("fit", [fit_channels, fit_pixel_mean, fit_whitening])
@pytest.mark.parametrize("channels", [1, 3])
def test_preprocessing_is_in_the_file(fit, channels, tmp_path):
    rng = np.random.default_rng(channels)
    x = rng.integers(0, 256, (40, 5, 4, channels)).astype("uint8")
    x[3], x[4] = 0, 200  # flat ones
    preprocess = fit(x)
    network = keras.Sequential([keras.Input((5, 4, channels)), keras.layers.Flatten(), keras.layers.Dense(2)])
    save_classifier(tmp_path / "a.keras", make_classifier(network, preprocess, ("ant", "bee"), (5, 4, channels)))
    loaded = load_classifier(tmp_path / "a.keras")
    logits = preprocess(x).reshape(len(x), -1) @ network.get_weights()[0]
    expected = scipy.special.softmax(logits, axis=1)
    np.testing.assert_allclose(loaded.probabilities(x), expected, rtol=1e-3, atol=1e-5)
    assert loaded.classes == ("ant", "bee")


def test_keras_alone_can_load_it(classifier, tmp_path):
    save_classifier(tmp_path / "a.keras", classifier)
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert b"tfdrop" not in archive.read("config.json")
    model = keras.saving.load_model(tmp_path / "a.keras")
    np.testing.assert_allclose(model(images()), classifier.probabilities(images()), rtol=1e-4, atol=1e-6)


def test_of_several_seeds_the_first_is_taken(network, tmp_path):
    for seed, shift in ((9, 100), (10, 0)):
        (tmp_path / f"seed{seed}").mkdir()
        other = make_classifier(network, Standardization(np.float32([shift]), np.float32([50])), "abc", (4, 4, 3))
        save_classifier(tmp_path / f"seed{seed}" / "classifier.keras", other)
    first = make_classifier(network, STANDARDIZE, "abc", (4, 4, 3))
    x = images(size=4)
    np.testing.assert_allclose(load_classifier(tmp_path).probabilities(x), first.probabilities(x), rtol=1e-6)


def test_what_is_no_classifier(network, tmp_path):
    network.save(tmp_path / "network.keras")
    (tmp_path / "text.keras").write_text("nothing")
    for name in ("network.keras", "text.keras"):
        with pytest.raises(ValueError, match=rf"{name}: is no classifier that tfdrop saved"):
            load_classifier(tmp_path / name)
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ValueError, match=f"{folder}: holds no finished run of tfdrop-classify"):
            load_classifier(folder)


def test_the_program_names_classes_and_says_what_it_lacks(classifier, tmp_path):
    save_classifier(tmp_path / "bees.keras", classifier)
    PIL.Image.fromarray(images(1)[0]).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("nothing")
    [answer] = classifier.classify([tmp_path / "a.png"])
    cases = [
        (("--run=bees.keras", "--images=a.png"), 0, f"a.png  {answer.name}  {answer.probability:.1%}"),
        (("--run=bees.keras", "--images=a.png,b.png"), 2, "error: --images=a.png,b.png: cannot read image b.png"),
        (("--run=bees.keras", "--images=c.png"), 2, "error: --images=c.png: cannot read image c.png"),
        (("--run=.", "--images=a.png"), 2, "error: --run=.: .: holds no finished run of tfdrop-classify"),
        (("--run=.",), 2, "error: --images: expected at least one file or folder"),
        ((), 2, "error: --run: expected a finished run of tfdrop-classify, or its classifier.keras"),
    ]
    results = run_commands([["train.predict", *flags] for flags, _, _ in cases], tmp_path, ["keras"])
    for (_, status, line), (found, out, err) in zip(cases, results, strict=True):
        assert found == status, err
        assert (err if status else out).splitlines()[-1].startswith(line)
