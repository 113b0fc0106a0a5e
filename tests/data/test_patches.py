import numpy as np
import pytest

from tfdrop.data.images.grey import Image
from tfdrop.data.images.patches import draw_patches


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [Image(f"i{at}", rng.random(shape, "float32")) for at, shape in enumerate([(20, 31), (12, 12), (40, 15)])]


def test_patches_are_where_they_say(images):
    patches = draw_patches(images, size=12, per_image=50)
    assert patches.pixels.shape == (150, 12, 12, 1)
    for pixels, image, top, left in zip(*patches, strict=True):
        np.testing.assert_array_equal(pixels[..., 0], images[image].pixels[top : top + 12, left : left + 12])
    assert np.bincount(patches.image).tolist() == [50, 50, 50]


def test_every_position_is_reached(images):
    patches = draw_patches(images, size=12, per_image=2000)
    first = patches.image == 0
    assert set(patches.top[first]) == set(range(9))
    assert set(patches.left[first]) == set(range(20))


def test_crop_keeps_the_patches_together(images):
    patches = draw_patches(images, size=5, per_image=500, crop_size=8)
    for image in range(3):
        chosen = patches.image == image
        assert np.ptp(patches.top[chosen]) == 3
        assert np.ptp(patches.left[chosen]) == 3


def test_seed_decides(images):
    first, again, other = (draw_patches(images, 5, 9, seed=seed).top for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_image_smaller_than_a_patch_is_named(images):
    with pytest.raises(ValueError, match="image i1 is 12x12, smaller than a 13x13 patch"):
        draw_patches(images, size=13, per_image=1)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"size": 0}, "size"),
        ({"per_image": 0}, "per_image"),
        ({"crop_size": 4}, "crop_size"),
        ({"images": []}, "images"),
    ],
)
def test_bad_arguments(images, arguments, name):
    with pytest.raises(ValueError, match=f"argument `{name}`"):
        draw_patches(**{"images": images, "size": 5, "per_image": 2, **arguments})
