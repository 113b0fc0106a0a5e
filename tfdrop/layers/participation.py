"""Participation: one coin per training batch, for everything that must act in the same batches."""

import weakref
from typing import Any

import keras
from keras import ops

from tfdrop.layers.hashed_draws import chance
from tfdrop.layers.rated_layer import Rate, RatedLayer

# The newest layer of each name. When a model is loaded or cloned, its layers are created anew, this one before those
# that read its coin; they find it here by its name.
_newest: weakref.WeakValueDictionary[str, "Participation"] = weakref.WeakValueDictionary()


@keras.saving.register_keras_serializable("tfdrop")
class Participation(RatedLayer):
    """Tosses one coin per training batch, which `FocusedDropout` and `MagnifiedWeightDecay` read.

    Everything in a model that should act in the same batches reads the same coin. The layer passes its inputs on
    unchanged and tosses the coin when it is called, so it must come before any layer that reads the coin. Weight
    penalties are computed after the forward pass, when the coin has been tossed. A model that is loaded or cloned
    finds the coin by the layer's name, so the layer has to be the first of ALL layers: one created before it, such as a
    second input's convolution, would not find it, or would find that of an earlier clone.

    ```python
    participation = tfdrop.layers.Participation(0.1)
    decay = tfdrop.layers.MagnifiedWeightDecay(participation, 5e-4, magnified=1e-3)
    model = keras.Sequential([
        keras.Input((32, 32, 3)),
        participation,
        keras.layers.Conv2D(64, 3, padding="same", activation="relu", kernel_regularizer=decay),
        tfdrop.layers.FocusedDropout(participation_rate=participation),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(10, kernel_regularizer=decay),
    ])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, labels)
    ```

    Without the `FocusedDropout`, the same model is Table 4's "randomly MWD": decay magnified at random.

    The coin is tossed anew for every batch. The text says "we randomly choose 10% of batches", the abstract "10% of
    batches"; neither asks for a fixed number of them per epoch. Outside training the coin keeps its last value: call
    `participation.coin.assign(False)` before differentiating the penalties there, as influence functions do.

    Args:
        rate: Float in [0, 1], or a schedule from `tfdrop.schedules`: the probability that a batch takes part.
        seed: Optional integer seed. The same seed gives the same coins on every backend.
        **kwargs: The usual arguments of a layer.

    Call arguments:
        inputs: A tensor of any shape, or a structure of tensors.
        training: Whether to toss the coin (True) or to leave it as it is (False).

    Input shape:
        Any.

    Output shape:
        That of the input.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        Xie et al., "FocusedDropout for Convolutional Neural Network", 2021, section 4 ("participation rate").

    >>> participation = Participation(1.0)
    >>> maps = participation(ops.ones((2, 4, 4, 3)), training=True)
    >>> bool(participation.read()), participation.step
    (True, 1)
    """

    def __init__(self, rate: Rate = 0.1, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        self.coin = self.add_weight(name="coin", shape=(), dtype="bool", initializer="zeros", trainable=False)
        _newest[self.name] = self

    def build(self, input_shape: tuple) -> None:
        # All variables exist from the start: a reader of the coin may be built before this layer is called.
        pass

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            self.toss()
        return inputs

    def toss(self) -> None:
        """Begins a training step: tosses the coin."""
        state, rate = self.begin_step()
        self.coin.assign(chance(state, (), rate))

    def read(self) -> Any:
        """Returns the coin of this training step: a boolean scalar tensor."""
        if not self.built:
            raise ValueError(
                f"The coin of the Participation layer {self.name!r} is read, but the layer is not part of the model, "
                "or comes after the layer that reads it. Make it the first layer of the model."
            )
        return ops.cast(self.coin, "bool")

    def saved_variables(self) -> dict[str, Any]:
        return {"coin": self.coin}

    @classmethod
    def named(cls, name: str) -> "Participation":
        """Returns the newest layer of a name: that of the model being loaded or cloned."""
        if name not in _newest:
            raise ValueError(
                f"There is no Participation layer named {name!r}. A model that is loaded or cloned must have it before "
                "the layers that read its coin."
            )
        return _newest[name]
