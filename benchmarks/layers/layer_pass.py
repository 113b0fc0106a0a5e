"""The forward and backward pass of one layer, compiled, on either backend."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np


def on_accelerator() -> bool:
    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() != "cpu"
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def with_xla() -> bool:
    """Tells whether to compile with XLA: JAX always does; for TensorFlow on a CPU the plain graph is faster."""
    return keras.backend.backend() == "jax" or on_accelerator()


def layer_pass(make_layer: Callable[[], Any], shape: Sequence[int]) -> Callable[[], Any]:
    """Compiles a layer's forward and backward pass on one input.

    Args:
        make_layer: Makes the layer.
        shape: Shape of the input, `(batch, height, width, channels)`.

    Returns:
        A function that runs both passes and waits until they are done.
    """
    inputs, upstream = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    layer = make_layer()
    layer.build(shape)
    return {"tensorflow": _tensorflow_pass, "jax": _jax_pass}[keras.backend.backend()](layer, inputs, upstream)


def _tensorflow_pass(layer, inputs, upstream):
    import tensorflow as tf

    inputs, upstream = tf.constant(inputs), tf.constant(upstream)

    @tf.function(jit_compile=with_xla())
    def run(inputs, upstream):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
        return outputs, tape.gradient(outputs, inputs, output_gradients=upstream)

    return lambda: run(inputs, upstream)[1][0, 0, 0, 0].numpy()


def _jax_pass(layer, inputs, upstream):
    import jax

    inputs, upstream = jax.numpy.asarray(inputs), jax.numpy.asarray(upstream)
    variables = [variable.value for variable in layer.non_trainable_variables]

    # Inputs must be arguments: XLA would fold constants, and so do the work while it compiles.
    @jax.jit
    def run(variables, inputs, upstream):
        def forward(inputs):
            return layer.stateless_call([], variables, inputs, training=True)

        outputs, backward, variables = jax.vjp(forward, inputs, has_aux=True)
        return outputs, backward(upstream)[0], variables

    def run_to_the_end():
        variables[:] = jax.block_until_ready(run(variables, inputs, upstream))[2]

    return run_to_the_end
