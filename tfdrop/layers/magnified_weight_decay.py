"""MagnifiedWeightDecay: weight decay that is stronger in participating batches."""

from typing import Any, Self

import keras
from keras import ops

from tfdrop.arguments import check_number, invalid
from tfdrop.layers.participation import Participation


@keras.saving.register_keras_serializable("tfdrop")
class MagnifiedWeightDecay(keras.regularizers.Regularizer):
    """Adds weight decay to the gradient, magnified in the batches in which FocusedDropout takes part.

    The papers' "weight decay d" is a term d * w in the gradient, as in their framework's SGD. Keras's `L2(d)` adds
    2 * d * w, and the `weight_decay` of Keras's SGD is decoupled from the gradient and its momentum: neither is the
    same thing.

    Only the gradient is magnified. The penalty added to the loss is `weight_decay * sum(w ** 2) / 2` in every batch, so
    that losses can be compared between batches, runs and `evaluate`.

    Args:
        participation: The model's `Participation` layer, whose coin decides which batches take part.
        weight_decay: Float, the decay in the other batches.
        magnified: Float, the decay in participating batches. Section 5.2.3 finds 1e-3 best.

    Raises:
        ValueError: If a decay is not a number of at least 0, or `participation` is not a `Participation`.

    Reference:
        Xie et al., "FocusedDropout for Convolutional Neural Network", 2021, section 4 ("Magnifying weight decay") and
        Table 4.

    >>> participation = Participation(0.0)
    >>> participation.build(None)
    >>> decay = MagnifiedWeightDecay(participation, weight_decay=0.5, magnified=1.0)
    >>> float(decay(ops.ones((2, 3))))
    1.5
    """

    def __init__(self, participation: Participation, weight_decay: float = 5e-4, magnified: float = 1e-3) -> None:
        if not isinstance(participation, Participation):
            raise invalid("participation", "a Participation layer", participation)
        self.participation = participation
        self.weight_decay = _check_decay("weight_decay", weight_decay)
        self.magnified = _check_decay("magnified", magnified)

    def __call__(self, weights: Any) -> Any:
        energy = ops.sum(ops.square(weights)) / 2.0
        decay = ops.cast(ops.where(self.participation.read(), self.magnified, self.weight_decay), energy.dtype)
        return decay * energy + ops.stop_gradient((self.weight_decay - decay) * energy)

    def get_config(self) -> dict[str, Any]:
        return {
            "participation": self.participation.name,
            "weight_decay": self.weight_decay,
            "magnified": self.magnified,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**{**config, "participation": Participation.named(config["participation"])})


def _check_decay(name: str, decay: float) -> float:
    if check_number(name, decay) < 0:
        raise invalid(name, "a float of at least 0", decay)
    return float(decay)
