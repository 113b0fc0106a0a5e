"""What influence computations leave with a model, as the next one on it would make the same again."""

from typing import Any


class Kept:
    """What is kept with a model.

    Attributes:
        traced: Pairs of a fingerprint and the `Traced` derivatives that it is of, the last used last.
        joined: Models with the outputs of this one at some places, by the places.
    """

    def __init__(self):
        self.traced: list[tuple[Any, Any]] = []
        self.joined: dict[tuple[int, ...], Any] = {}


def kept_with(model):
    """Returns the `Kept` of a model.

    It lies with the model's attributes, not in a dictionary of models: what it holds refers to the model, which would
    never be let go. Keras tracks and saves none of it, as it is neither a layer nor a container of layers.
    """
    return vars(model).setdefault("_tfdrop_kept", Kept())
