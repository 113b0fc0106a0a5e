"""A saved classifier on images of any size, and what it says of those that it cannot take."""

import json

import keras
import numpy as np
import PIL.Image
import pytest
from programs import run_program

from tfdrop.classifier import Classifier, load_classifier
from tfdrop.data.preprocessing.standardization import Standardization

STANDARDIZE = Standardization(np.float32([100]), np.float32([50]))


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])


@pytest.fixture(scope="module")
def classifier(network):
    return Classifier(network, STANDARDIZE, ("ant", "bee", "cat"), (6, 6, 3), crop_size=4)


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


def test_images_that_are_no_square(network, tmp_path):
    PIL.Image.fromarray(images(1)[0]).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png: expected an image of 4x8. Received: 6x6"):
        Classifier(network, STANDARDIZE, ("ant",), (4, 8, 3)).classify([tmp_path / "a.png"])


def test_grey_images(tmp_path):
    network = keras.Sequential([keras.Input((3, 3, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    x = np.random.default_rng(0).integers(0, 256, (1, 3, 3, 1)).astype("uint8")
    PIL.Image.fromarray(x[0, ..., 0]).save(tmp_path / "a.png")
    classifier = Classifier(network, STANDARDIZE, ("ant", "bee"), (3, 3, 1))
    [answer] = classifier.classify([tmp_path / "a.png"])
    assert answer.probability == pytest.approx(classifier.probabilities(x).max())


@pytest.mark.parametrize("settings", [None, {"rounds": 2}, {"rounds": 2, "seeds": 1, "seed": 0, "crop_size": 0}])
def test_folders_without_a_finished_run(tmp_path, settings):
    if settings is not None:
        (tmp_path / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="holds no finished run of tfdrop-classify"):
        load_classifier(tmp_path)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--run=.", "--images=a.png"), "error: --run=.: .: holds no finished run of tfdrop-classify"),
        (("--run=.",), "error: --images: expected at least one file or folder"),
        ((), "error: --run: expected the folder of a finished run of tfdrop-classify"),
    ],
)
def test_the_program_says_what_it_lacks(tmp_path, flags, message):
    finished = run_program("train.predict", *flags, cwd=tmp_path)
    assert finished.returncode == 2
    assert finished.stderr.splitlines()[-1].startswith(message)
