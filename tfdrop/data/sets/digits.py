"""The embedded default: scikit-learn's handwritten digits, so that nothing has to be downloaded."""

import numpy as np

from tfdrop.data.sets.image_set import ImageSet, checked
from tfdrop.data.sets.splits import hold_out_test


def load_digits():
    """Returns the 1,797 grey digits of 8x8 pixels as an `ImageSet`; a fifth of each class is the test part.

    Their 17 grey levels are spread over those of 8 bits.
    """
    # Imported here, as it takes a second, and a machine that trains on other sets may do without.
    from sklearn import datasets

    bunch = datasets.load_digits()
    images = np.round(bunch.images * (255 / 16)).astype("uint8")[..., None]
    train, test = hold_out_test((images, bunch.target.astype("int32")))
    return checked(ImageSet(train, test, tuple(str(name) for name in bunch.target_names)))
