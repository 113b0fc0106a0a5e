"""Whether Keras runs on a backend that influence has derivatives for."""

BACKENDS = ("tensorflow", "jax")


def check_backend():
    """Raises an `ImportError` of one sentence if Keras does not run, or runs on another backend."""
    try:
        import keras
    except ImportError as error:
        raise ImportError(
            f"tfdrop.influence needs Keras on TensorFlow or JAX; it cannot be imported on its backend: {error}. "
            "Set KERAS_BACKEND to tensorflow or jax"
        ) from None
    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise ImportError(
            f"tfdrop.influence needs Keras on TensorFlow or JAX. Received: KERAS_BACKEND={backend}. "
            "Set it to tensorflow or jax before Keras is imported"
        )
