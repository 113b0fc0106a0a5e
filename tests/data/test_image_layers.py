"""The augmentation layers: against NumPy and Pillow, in saved models, and on JAX."""

import keras
import numpy as np
import PIL.Image
import pytest
from programs import run_on_jax
from sklearn.decomposition import PCA

from tfdrop.data.augmentation.crop import RandomCrop
from tfdrop.data.augmentation.evaluation_crops import centre_crop, ten_crop_model, ten_crops
from tfdrop.data.augmentation.flip import RandomHorizontalFlip
from tfdrop.data.augmentation.lighting import IMAGENET_COLOUR_AXES, RandomLighting, colour_axes
from tfdrop.data.augmentation.policies import POLICIES, augmentation
from tfdrop.data.augmentation.resized_crop import RandomResizedCrop
from tfdrop.data.augmentation.shift import RandomShift
from tfdrop.data.preprocessing.standardization import fit_channels
from tfdrop.data.sets.image_set import ImageSet, save_image_set
from tfdrop.data.sets.splits import split_for_validation

LAYERS = [
    lambda: RandomShift(2, seed=3),
    lambda: RandomHorizontalFlip(seed=4),
    lambda: RandomLighting(seed=5),
    lambda: RandomCrop(7, seed=7),
    lambda: RandomResizedCrop(6, seed=6),
]

SCRIPT = """
import sys
import jax, keras
import numpy as np
import tfdrop.data.augmentation.policies
import tfdrop.data.augmentation.resized_crop
from tfdrop.data.sets.named import load_image_set
from tfdrop.data.sets.splits import split_for_validation
from tfdrop.data.preprocessing.standardization import fit_channels

folder = sys.argv[1]
model = keras.saving.load_model(f"{folder}/model.keras")
split = split_for_validation(load_image_set("tiny", folder), seed=2)
x = fit_channels(split.train[0])(split.train[0])
step = jax.jit(lambda state, x: model.stateless_call([], state, x, training=True))
drawn, _ = step([variable.value for variable in model.non_trainable_variables], x)
np.savez(f"{folder}/jax.npz", samples=split.samples, x=x, drawn=drawn)
assert sys.modules["tensorflow"] is None
"""


def shifted(image, down, right):
    """The image moved by whole pixels, pixel by pixel."""
    out = np.zeros_like(image)
    height, width, _ = image.shape
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                out[row, column] = image[row - down, column - right]
    return out


@pytest.mark.parametrize(("pixels", "shape"), [(1, (3, 5, 2)), (2, (4, 3, 1)), (4, (3, 3, 1))])
def test_every_shift_is_drawn_equally_often(pixels, shape):
    image = np.random.default_rng(0).uniform(1, 2, shape).astype("float32")
    steps = range(-pixels, pixels + 1)
    kinds = {shifted(image, down, right).tobytes(): 0 for down in steps for right in steps}
    samples = 200 * len(steps) ** 2
    drawn = np.asarray(RandomShift(pixels, seed=1)(np.tile(image, (samples, 1, 1, 1)), training=True))
    for moved in drawn:
        kinds[moved.tobytes()] += 1
    nothing = np.zeros_like(image).tobytes()
    counts = [count for kind, count in kinds.items() if kind != nothing]
    # 200 each, with a standard deviation of 14.
    assert min(counts) > 200 - 5 * 14
    assert max(counts) < 200 + 5 * 14


def test_flip_mirrors_half_of_the_samples():
    images = np.random.default_rng(0).random((2000, 2, 3, 2), "float32")
    drawn = np.asarray(RandomHorizontalFlip(seed=1)(images, training=True))
    mirrored = (drawn == images[:, :, ::-1]).all((1, 2, 3))
    assert (mirrored | (drawn == images).all((1, 2, 3))).all()
    assert abs(mirrored.mean() - 0.5) < 5 * 0.5 / np.sqrt(2000)


def test_lighting_adds_one_colour_an_image_with_the_axes_covariance():
    images = np.random.default_rng(0).uniform(0, 255, (20000, 2, 1, 3)).astype("float32")
    added = np.asarray(RandomLighting(seed=1)(images, training=True)) - images
    np.testing.assert_allclose(added[:, 0], added[:, 1], atol=1e-4)
    colours = added[:, 0, 0]
    axes = np.array(IMAGENET_COLOUR_AXES)
    expected = 0.01 * axes.T @ axes
    np.testing.assert_allclose(np.cov(colours.T), expected, atol=5 * expected.max() * np.sqrt(2 / 20000))
    assert np.abs(colours.mean(0)).max() < 5 * np.sqrt(expected.max() / 20000)
    along = colours @ np.linalg.inv(axes) / 0.1
    assert abs(np.mean(along**4) - 3) < 0.2  # a normal distribution's fourth moment


def test_colour_axes_are_the_principal_components():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(50, 4, 5, 3)) @ rng.normal(size=(3, 3)) + 7
    axes = colour_axes(images)
    reference = PCA().fit(images.reshape(-1, 3))
    count = images.size / 3
    lengths = np.sqrt(reference.explained_variance_ * (count - 1) / count)
    np.testing.assert_allclose(np.linalg.norm(axes, axis=1), lengths, rtol=1e-5)
    cosines = np.abs(np.sum(axes * reference.components_, axis=1)) / lengths
    np.testing.assert_allclose(cosines, 1, atol=1e-5)


@pytest.mark.parametrize(("height", "width", "size"), [(40, 56, 24), (33, 30, 48), (64, 64, 64)])
def test_resized_crops_are_what_pillow_makes_of_rectangles_in_range(height, width, size):
    samples = 200
    noise = np.random.default_rng(0).random((samples, height, width, 1), "float32")
    rows, columns = np.mgrid[:height, :width].astype("float32")
    grids = np.broadcast_to(np.stack([rows, columns], -1), (samples, height, width, 2))
    images = np.concatenate([noise, grids], -1)
    drawn = np.asarray(RandomResizedCrop(size, area=(0.3, 0.9), aspect_ratio=(0.5, 1.5), seed=1)(images, training=True))
    # Lines through the grids, away from the edges, tell the rectangle.
    middle = np.arange(size // 5, size - size // 5)
    boxes = []
    for ramp in (drawn[:, middle, size // 2, 1], drawn[:, size // 2, middle, 2]):
        scale, offset = np.polyfit(middle, ramp.T, 1)
        boxes += [offset - 0.5 * scale + 0.5, scale * size]
    tops, heights, lefts, widths = np.round(boxes).astype(int)
    for at in range(0, samples, 10):
        crop = noise[at, tops[at] : tops[at] + heights[at], lefts[at] : lefts[at] + widths[at], 0]
        assert crop.shape == (heights[at], widths[at])
        expected = PIL.Image.fromarray(crop).resize((size, size), PIL.Image.Resampling.BILINEAR)
        np.testing.assert_allclose(drawn[at, :, :, 0], expected, atol=1e-4)
    area, ratio = heights * widths / (height * width), widths / heights
    # Sides are rounded to whole pixels.
    assert area.min() > 0.3 - 0.04
    assert area.max() < 0.9 + 0.04
    assert area.max() - area.min() > 0.4
    assert ratio.min() > 0.5 - 0.05
    assert ratio.max() < 1.5 + 0.1
    assert ratio.max() / ratio.min() > 2
    assert len(np.unique(tops)) > 5
    assert len(np.unique(lefts)) > 5


def test_a_rectangle_that_never_fits_is_the_largest_square():
    images = np.random.default_rng(0).random((3, 4, 12, 1), "float32")
    drawn = RandomResizedCrop(4, area=(1, 1), aspect_ratio=(1, 1), seed=1)(images, training=True)
    for image, out in zip(images, np.asarray(drawn), strict=True):
        assert min(np.abs(image[:, left : left + 4] - out).max() for left in range(9)) < 1e-5


def test_inference_changes_nothing_and_resizes_the_central_square():
    images = np.random.default_rng(0).random((3, 7, 5, 3), "float32")
    for make in LAYERS[:3]:
        np.testing.assert_array_equal(make()(images), images)
    resized = np.asarray(RandomResizedCrop(8)(images))
    for image, out in zip(images, resized, strict=True):
        for channel in range(3):
            centre = PIL.Image.fromarray(np.ascontiguousarray(image[1:6, :, channel]))
            expected = centre.resize((8, 8), PIL.Image.Resampling.BILINEAR)
            np.testing.assert_allclose(out[..., channel], expected, atol=1e-5)


@pytest.mark.parametrize(("height", "width", "size"), [(5, 7, 4), (4, 4, 4), (9, 6, 2)])
def test_crops_are_windows_and_each_is_drawn_equally_often(height, width, size):
    """Data Dropout's ImageNet crop, section IV-B: whole pixels, none resized."""
    image = np.arange(height * width * 2, dtype="float32").reshape(height, width, 2)
    batch = np.tile(image, (4000, 1, 1, 1))
    drawn = np.asarray(RandomCrop(size, seed=1)(batch, training=True))
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size), (0, 1))
    windows = np.moveaxis(windows, 2, -1).reshape(-1, size, size, 2)
    found = np.array([np.flatnonzero((windows == crop).all((1, 2, 3))) for crop in drawn])[:, 0]
    counts = np.bincount(found, minlength=len(windows))
    assert len(windows) == (height - size + 1) * (width - size + 1)
    assert np.abs(counts - 4000 / len(windows)).max() <= 5 * np.sqrt(4000 / len(windows))
    top, left = (height - size) // 2, (width - size) // 2
    centre = image[top : top + size, left : left + size]
    np.testing.assert_array_equal(RandomCrop(size)(batch[:3]), np.stack([centre] * 3))


def test_a_saved_model_goes_on_where_it_was_and_jax_draws_the_same(tmp_path):
    rng = np.random.default_rng(0)
    part = (rng.integers(0, 256, (40, 9, 8, 3), dtype="uint8"), np.arange(40, dtype="int32") % 3)
    save_image_set(tmp_path / "tiny.npz", ImageSet(part, part, ("a", "b", "c")))
    split = split_for_validation(ImageSet(part, part, ("a", "b", "c")), seed=2)
    x = fit_channels(split.train[0])(split.train[0])
    model = keras.Sequential([keras.Input((9, 8, 3)), *(make() for make in LAYERS)])
    assert model.output_shape == (None, 6, 6, 3)
    model(x, training=True)
    model.save(tmp_path / "model.keras")
    drawn = np.asarray(model(x, training=True))
    restored = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(restored(x, training=True), drawn)
    assert (np.asarray(restored(x, training=True)) != drawn).mean() > 0.5

    (tmp_path / "script.py").write_text(SCRIPT)
    finished = run_on_jax(tmp_path / "script.py", tmp_path)
    assert finished.returncode == 0, finished.stderr
    on_jax = np.load(tmp_path / "jax.npz")
    np.testing.assert_array_equal(on_jax["samples"], split.samples)
    np.testing.assert_array_equal(on_jax["x"], x)
    np.testing.assert_allclose(on_jax["drawn"], drawn, atol=1e-4)


def test_ten_crops_are_the_corners_the_centre_and_their_mirror_images():
    images = np.random.default_rng(0).random((2, 7, 8, 1), "float32")
    slices = [(0, 0), (0, 3), (2, 0), (2, 3), (1, 1)]
    expected = np.stack([images[:, top : top + 5, left : left + 5] for top, left in slices], 1)
    crops = np.asarray(ten_crops(images, 5))
    np.testing.assert_array_equal(crops[:, :5], expected)
    np.testing.assert_array_equal(crops[:, 5:], expected[:, :, :, ::-1])
    np.testing.assert_array_equal(centre_crop(images, 5), expected[:, 4])
    with pytest.raises(ValueError, match="9x9 crops from images of 7x8"):
        centre_crop(images, 9)


def test_ten_crop_model_averages_the_outputs():
    network = keras.Sequential([keras.Input((5, 5, 2)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
    images = np.random.default_rng(0).random((4, 8, 8, 2), "float32")
    expected = np.mean([network(crop) for crop in np.moveaxis(np.asarray(ten_crops(images, 5)), 1, 0)], axis=0)
    np.testing.assert_allclose(ten_crop_model(network, 8)(images), expected, atol=1e-6)


def test_policies():
    assert {name: [type(layer).__name__ for layer in augmentation(name)] for name in POLICIES} == {
        "none": [],
        "flip": ["RandomHorizontalFlip"],
        "crop": ["RandomShift", "RandomHorizontalFlip"],
        "translation": ["RandomShift", "RandomHorizontalFlip"],
        "lighting": ["RandomHorizontalFlip", "RandomLighting"],
    }
    assert [augmentation(name)[0].pixels for name in ("crop", "translation")] == [4, 5]
    assert [layer.seed for layer in augmentation("crop", seed=7)] == [7, 8]
    with pytest.raises(ValueError, match="the nearest is 'translation'"):
        augmentation("translate")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomShift(0), "`pixels`"),
        (lambda: RandomLighting(strength=-1), "`strength`"),
        (lambda: RandomLighting(axes=[1, 2, 3]), "`axes`"),
        (lambda: RandomLighting()(np.zeros((1, 2, 2, 1), "float32")), "images of 3 channels"),
        (lambda: RandomResizedCrop(0), "`size`"),
        (lambda: RandomCrop(0), "`size`"),
        (lambda: RandomCrop(5)(np.zeros((1, 4, 9, 3), "float32")), "at most the images' 4x9 pixels"),
        (lambda: RandomResizedCrop(5, area=(0.5, 2)), "`area`"),
        (lambda: RandomResizedCrop(5, aspect_ratio=(2, 1)), "`aspect_ratio`"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
