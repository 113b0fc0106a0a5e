"""Every drop layer with the same few arguments, and small models that have them all."""

import keras
import numpy as np

import tfdrop

LAYERS = {
    "SpatialScale": lambda **more: tfdrop.layers.SpatialScale(0.6, **more),
    "Selectout": lambda **more: tfdrop.layers.Selectout(0.25, top_rate=0.5, **more),
    "SelectScale": lambda **more: tfdrop.layers.SelectScale(0.9, top_rate=0.4, **more),
    "FocusedDropout": lambda **more: tfdrop.layers.FocusedDropout(participation_rate=0.8, **more),
    "DropBlock2D": lambda **more: tfdrop.layers.DropBlock2D(0.3, block_size=2, **more),
}


def images(count=24, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, 6, 5, 2)).astype("float32"), generator.integers(0, 3, count)


class Subclassed(keras.Model):
    """A model whose `call` says where the layers stand."""

    def __init__(self, layers):
        super().__init__()
        self.stack = layers

    def call(self, inputs, training=False):
        for layer in self.stack:
            inputs = layer(inputs, training=training) if layer.name.startswith("drop") else layer(inputs)
        return inputs


def build(kind, drop_layers, size=(6, 5)):
    """A compiled classifier with the given layers, as a `Sequential`, functional or subclassed model."""
    convolutions = [keras.layers.Conv2D(8, 3, padding="same", activation="relu") for _ in drop_layers]
    stack = [layer for pair in zip(convolutions, drop_layers, strict=True) for layer in pair]
    stack += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
    if kind == "sequential":
        model = keras.Sequential([keras.Input((*size, 2)), *stack])
    elif kind == "functional":
        inputs = outputs = keras.Input((*size, 2))
        for layer in stack:
            outputs = layer(outputs)
        model = keras.Model(inputs, outputs)
    else:
        model = Subclassed(stack)
        model(np.zeros((1, *size, 2), "float32"))
    return compile_(model)


def compile_(model, jit_compile=False):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, jit_compile=jit_compile)
    return model


def all_layers(**more):
    return [make(name=f"drop_{name}", seed=index, **more) for index, (name, make) in enumerate(LAYERS.items())]


def scheduled_layers():
    """All the layers again, their rates on schedules."""
    rate = tfdrop.schedules.linear(0.05, 0.2, steps=6)
    return [
        tfdrop.layers.SpatialScale(rate, seed=0, name="drop_0"),
        tfdrop.layers.Selectout(rate, seed=1, name="drop_1"),
        tfdrop.layers.SelectScale(rate, seed=2, name="drop_2"),
        tfdrop.layers.FocusedDropout(participation_rate=tfdrop.schedules.cosine(0.2, 0.9, 8), seed=3, name="drop_3"),
        tfdrop.layers.DropBlock2D(rate, 3, seed=4, name="drop_4"),
    ]


def fit(model, epochs=1):
    """Trains in the order of the images, and returns the losses."""
    x, y = images()
    return model.fit(x, y, batch_size=6, epochs=epochs, shuffle=False, verbose=0).history["loss"]
