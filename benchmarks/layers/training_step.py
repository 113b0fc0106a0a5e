"""A training step of a wide residual network, and the memory that it takes."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from benchmarks.layers.layer_pass import on_accelerator, with_xla
from benchmarks.measuring import peak_memory

STEPS_TO_PEAK = 3


def wide_resnet(make_layer: Callable[[], Any], blocks: int = 3, widening: int = 4) -> keras.Model:
    """Returns a wide residual network for 32x32 images, by default WRN-20-4.

    It is He et al.'s template, `widening` times as wide, with a drop layer after every convolution.
    """

    def convolution(maps, width, strides=1):
        maps = keras.layers.Conv2D(width, 3, strides, padding="same", use_bias=False)(maps)
        return keras.layers.BatchNormalization()(make_layer()(maps))

    images = keras.Input((32, 32, 3))
    maps = keras.layers.ReLU()(convolution(images, 16 * widening))
    for width in (16 * widening, 32 * widening, 64 * widening):
        for _ in range(blocks):
            strides = width // maps.shape[-1]
            residual = keras.layers.ReLU()(convolution(maps, width, strides))
            residual = convolution(residual, width)
            if strides > 1:
                maps = keras.layers.Conv2D(width, 1, strides, use_bias=False)(maps)
            maps = keras.layers.ReLU()(keras.layers.Add()([maps, residual]))
    return keras.Model(images, keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(maps)))


def training_step(make_layer: Callable[[], Any], blocks: int, widening: int, batch_size: int) -> Callable[[], Any]:
    """Returns a function that takes a training step of `wide_resnet`; its first call compiles."""
    generator = np.random.default_rng(0)
    images = generator.normal(size=(batch_size, 32, 32, 3)).astype("float32")
    labels = generator.integers(0, 10, batch_size)
    model = wide_resnet(make_layer, blocks, widening)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss, jit_compile=with_xla())
    return lambda: model.train_on_batch(images, labels)


def peak_memory_of(step: Callable[[], Any]) -> float:
    """Takes a few training steps; returns the peak memory in MiB, of the accelerator or of this process."""
    for _ in range(STEPS_TO_PEAK):
        step()
    if not on_accelerator():
        return peak_memory()
    if keras.backend.backend() == "jax":
        import jax

        return jax.local_devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20
    import tensorflow as tf

    return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20
