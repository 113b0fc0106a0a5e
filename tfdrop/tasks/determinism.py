"""Kernels that give the same bits every time."""

import os

XLA_FLAG = "--xla_gpu_deterministic_ops=true"


def make_deterministic() -> None:
    """Makes the backend choose deterministic kernels from now on; to be called before it computes anything.

    On CPUs they are deterministic anyway. On GPUs sums of many terms, such as gradients of convolutions, are not,
    unless asked for. What has no deterministic kernel is then an error of the backend's.
    """
    # XLA reads it when it first looks for devices, on JAX and on TensorFlow.
    flags = os.environ.get("XLA_FLAGS", "")
    if XLA_FLAG not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {XLA_FLAG}".strip()
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        keras.utils.set_random_seed(0)  # TensorFlow then refuses to draw without a seed
        tf.config.experimental.enable_op_determinism()
