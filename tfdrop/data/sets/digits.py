"""The embedded default: scikit-learn's handwritten digits, so that nothing has to be downloaded."""

import numpy as np

from tfdrop.data.sets.held_out import with_held_out_test
from tfdrop.data.sets.image_set import ImageSet, checked


def load_digits() -> ImageSet:
    """Returns the 1,797 grey digits of 8x8 pixels as an `ImageSet`; a fifth of each class is the test part.

    Their 17 grey levels are spread over those of 8 bits. An image's name has its index in `sklearn.datasets`.

    >>> image_set = load_digits()
    >>> image_set.train[0].shape, str(image_set.names["train"][0])
    ((1438, 8, 8, 1), 'digits[0]')
    """
    # Imported here, as it takes a second, and a machine that trains on other sets may not have it.
    from sklearn import datasets

    bunch = datasets.load_digits()
    images = np.round(bunch.images * (255 / 16)).astype("uint8")[..., None]
    names = np.array([f"digits[{number}]" for number in range(len(images))])
    classes = tuple(str(name) for name in bunch.target_names)
    return checked(with_held_out_test((images, bunch.target.astype("int32")), names, classes))
