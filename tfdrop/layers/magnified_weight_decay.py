"""MagnifiedWeightDecay: weight decay that is stronger in the batches that take part."""

import keras
from keras import ops

from tfdrop.arguments import check_number, invalid
from tfdrop.layers.participation import Participation


@keras.saving.register_keras_serializable("tfdrop")
class MagnifiedWeightDecay(keras.regularizers.Regularizer):
    """Adds weight decay to the gradient, magnified in the batches in which FocusedDropout takes part.

    The papers' "weight decay d" is a term d * w in the gradient, as their framework's SGD has it. Keras's `L2(d)`
    adds 2 * d * w, and the `weight_decay` of Keras's SGD is decoupled from the gradient and its momentum: neither is
    the same thing.

    Only the gradient is magnified. The penalty that is added to the loss is `weight_decay * sum(w ** 2) / 2` in every
    batch, so that the losses of two batches, two runs and of `evaluate` can be compared.

    Args:
        participation: The `Participation` layer of the model, whose coin says which batches take part.
        weight_decay: Float: the decay in the other batches.
        magnified: Float: the decay in the batches that take part. Section 5.2.3 finds 1e-3 the best.

    Raises:
        ValueError: If a decay is no number of at least 0, or `participation` is no `Participation`.

    Reference:
        Xie et al., "FocusedDropout for Convolutional Neural Network", 2021, section 4 ("Magnifying weight decay") and
        Table 4.
    """

    def __init__(self, participation, weight_decay=5e-4, magnified=1e-3):
        if not isinstance(participation, Participation):
            raise invalid("participation", "a Participation layer", participation)
        self.participation = participation
        self.weight_decay = _check_decay("weight_decay", weight_decay)
        self.magnified = _check_decay("magnified", magnified)

    def __call__(self, weights):
        energy = ops.sum(ops.square(weights)) / 2.0
        decay = ops.cast(ops.where(self.participation.read(), self.magnified, self.weight_decay), energy.dtype)
        return decay * energy + ops.stop_gradient((self.weight_decay - decay) * energy)

    def get_config(self):
        return {
            "participation": self.participation.name,
            "weight_decay": self.weight_decay,
            "magnified": self.magnified,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "participation": Participation.named(config["participation"])})


def _check_decay(name, decay):
    if check_number(name, decay) < 0:
        raise invalid(name, "a float of at least 0", decay)
    return float(decay)
