"""Participation: one coin a training batch, for all who must agree on it."""

import weakref

import keras
from keras import ops

from tfdrop.layers.hashed_draws import chance
from tfdrop.layers.rated_layer import RatedLayer

# The layer made last under each name. When a model is loaded or cloned its layers are made anew, this one before those
# that read its coin; they find it here by its name.
_newest = weakref.WeakValueDictionary()


@keras.saving.register_keras_serializable("tfdrop")
class Participation(RatedLayer):
    """Tosses one coin in each training batch, which `FocusedDropout` and `MagnifiedWeightDecay` read.

    Everything in a model that is to act in the same batches reads one coin. The layer passes its inputs on unchanged
    and tosses when it is called, so it goes first in the model: before any layer that reads the coin. The penalties of
    the weights are computed after the forward pass, when the coin of the step lies. A model that is loaded or cloned
    finds the coin by the layer's name, and so needs it first among ALL of its layers: a second input's convolution that
    stands before it would miss it, or find that of an earlier clone.

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

    Without the `FocusedDropout` the same model is Table 4's "randomly MWD": decay magnified at random.

    The coin is tossed anew for every batch. The text says "we randomly choose 10% of batches", the abstract "10% of
    batches"; neither asks for a fixed number of them in each epoch. Outside training the coin lies as it last fell:
    who differentiates the penalties then (influence functions do) calls `participation.coin.assign(False)` before.

    Args:
        rate: Float in [0, 1], or a schedule of `tfdrop.schedules`: the probability that a batch takes part.
        seed: Optional integer seed. The same seed gives the same coins on every backend.
        **kwargs: The usual arguments of a layer.

    Call arguments:
        inputs: A tensor of any shape, or a structure of tensors.
        training: Whether to toss the coin (True) or to leave it as it lies (False).

    Input shape:
        Any.

    Output shape:
        That of the input.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        Xie et al., "FocusedDropout for Convolutional Neural Network", 2021, section 4 ("participation rate").
    """

    def __init__(self, rate=0.1, seed=None, **kwargs):
        super().__init__(rate, seed=seed, **kwargs)
        self.coin = self.add_weight(name="coin", shape=(), dtype="bool", initializer="zeros", trainable=False)
        _newest[self.name] = self

    def build(self, input_shape):
        # All variables are there from the start: a reader of the coin may be built before this layer is called.
        pass

    def call(self, inputs, training=False):
        if training:
            self.toss()
        return inputs

    def toss(self):
        """Begins a training step: tosses the coin."""
        state, rate = self.begin_step()
        self.coin.assign(chance(state, (), rate))

    def read(self):
        """The coin of this training step: a boolean scalar tensor."""
        if not self.built:
            raise ValueError(
                f"The coin of the Participation layer {self.name!r} is read, but the layer stands in no model, or "
                "behind the layer that reads it. Make it the first layer of the model."
            )
        return ops.cast(self.coin, "bool")

    def saved_variables(self):
        return {"coin": self.coin}

    @classmethod
    def named(cls, name):
        """Finds the layer made last under a name: that of the model being loaded or cloned."""
        if name not in _newest:
            raise ValueError(
                f"There is no Participation layer named {name!r}. A model that is loaded or cloned must have it before "
                "the layers that read its coin."
            )
        return _newest[name]
