"""Of how many replicas a model is."""

import contextlib

import keras


def replicas(model: keras.Model) -> int:
    """Returns the number of replicas of the `tf.distribute.Strategy` that a model was made under; 1 on JAX."""
    return model.distribute_strategy.num_replicas_in_sync if on_tensorflow() else 1


def scope_of(model: keras.Model) -> contextlib.AbstractContextManager:
    """Returns the context in which variables are made where a model's are."""
    return model.distribute_strategy.scope() if on_tensorflow() else contextlib.nullcontext()


def on_tensorflow() -> bool:
    """Tells whether Keras runs on TensorFlow."""
    return keras.backend.backend() == "tensorflow"
