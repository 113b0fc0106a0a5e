"""A model in which every FocusedDropout, and the weight decay, must act in the same batches; and what they did."""

import keras
import numpy as np
from keras import ops

import tfdrop

RATE, SEED = 0.4, 11
DECAY, MAGNIFIED, LEARNING_RATE = 0.5, 2.0, 0.1


@keras.saving.register_keras_serializable("tests")
class Probe(keras.layers.Layer):
    """Passes on the second of two tensors, and remembers of the last 30 training steps in which the two differed."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.history = self.add_weight(name="history", shape=(30,), initializer="zeros", trainable=False)

    def build(self, input_shape):
        pass

    def call(self, tensors, training=False):
        before, after = tensors
        if training:
            differs = ops.cast(ops.any(before != after), "float32")
            self.history.assign(ops.concatenate([self.history[1:], ops.reshape(differs, (1,))]))
        return after

    def compute_output_shape(self, input_shape):
        return input_shape[1]


def build(rate=RATE, jit_compile=False):
    """Two FocusedDropouts on parallel branches, and a kernel ("idle") that nothing but the decay changes."""
    participation = tfdrop.layers.Participation(rate, seed=SEED, name="coin")
    decay = tfdrop.layers.MagnifiedWeightDecay(participation, DECAY, MAGNIFIED)
    inputs = keras.Input((5, 5, 2))
    maps = participation(inputs)
    short = tfdrop.layers.FocusedDropout(participation_rate=participation, seed=1, name="short")(maps)
    longer = keras.layers.Conv2D(4, 1, activation="relu", kernel_initializer="ones", trainable=False)(maps)
    long = tfdrop.layers.FocusedDropout(participation_rate=participation, seed=2, name="long")(longer)
    idle = keras.layers.Conv2D(2, 1, use_bias=False, kernel_regularizer=decay, name="idle")(maps)
    branches = [
        Probe(name="short_probe")([maps, short]),
        Probe(name="long_probe")([longer, long]),
        idle * 0.0,
    ]
    outputs = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(keras.layers.Concatenate()(branches)))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(LEARNING_RATE), "mse", jit_compile=jit_compile)
    return model


def data():
    generator = np.random.default_rng(0)
    return generator.uniform(0.01, 2, size=(60, 5, 5, 2)).astype("float32"), np.zeros((60, 1), "float32")


def take_steps(model, count):
    """Trains on batches of two. Returns the weight decay of each step, as the idle kernel shows it."""
    x, y = data()
    kernel = model.get_layer("idle").kernel
    decays = []
    for step in range(count):
        before = np.array(ops.convert_to_numpy(kernel))
        model.train_on_batch(x[2 * step : 2 * step + 2], y[2 * step : 2 * step + 2])
        decays.append(np.mean(1 - ops.convert_to_numpy(kernel) / before) / LEARNING_RATE)
    return np.array(decays)


def histories(model, count):
    """In which of the last steps each FocusedDropout took part."""
    return {
        name: ops.convert_to_numpy(model.get_layer(f"{name}_probe").history)[-count:] > 0 for name in ("short", "long")
    }
