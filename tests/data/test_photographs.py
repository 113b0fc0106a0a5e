import numpy as np

from tfdrop.data.images.photographs import TEST, TRAINING, VALIDATION, photographs


def test_no_photograph_is_in_two_sets():
    names = [*TRAINING, *VALIDATION, *TEST]
    assert len(set(names)) == len(names)
    images = photographs(names)
    contents = {image.pixels.tobytes() for image in images}
    assert len(contents) == len(names)
    for image in images:
        assert image.pixels.dtype == np.float32
        assert min(image.pixels.shape) >= 300
