"""What the last round is compared with."""

from typing import NamedTuple

import numpy as np

from tfdrop.arguments import check_whole, invalid
from tfdrop.data.samples import stream

ORDER_OF_CONTROLS = 5  # the number of the random control's stream


class Controls(NamedTuple):
    """The samples of two trainings to compare the last round with, which separate what dropping did from other causes.

    Attributes:
        full: All samples: the effect of the last round's settings (augmentation, for example) alone.
        random: As many as the last round has, chosen at random: the effect of a smaller set alone.
    """

    full: np.ndarray
    random: np.ndarray


def control_samples(samples: int, kept: int, seed: int = 0) -> Controls:
    """Returns the `Controls` of a last round that trained on `kept` of `samples` training samples.

    Each is trained on with the last round's settings, `train_model(select(train, controls.full), rounds)`.

    >>> controls = control_samples(10, kept=8)
    >>> len(controls.full), len(controls.random)
    (10, 8)
    """
    check_whole("kept", kept)
    if kept > samples:
        raise invalid("kept", f"at most the {samples} samples there are", kept)
    return Controls(np.arange(samples), np.sort(stream(seed, ORDER_OF_CONTROLS).permutation(samples)[:kept]))
