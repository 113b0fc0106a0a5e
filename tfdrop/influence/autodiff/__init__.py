"""The derivatives that influence functions are made of.

`tensorflow.py` and `jax.py` have them by forward over backward passes, `reverse_tensorflow.py` and `reverse_jax.py` by
backward passes alone, `differences.py` by central differences. `judge.py` and `verification.py` check them,
`verified.py` takes the first that is right, `blame.py` names the layer that the others fail on. `traced.py` keeps what
they were compiled to, and `fingerprint.py` tells how long that holds.
"""

import importlib

import keras

from tfdrop.influence.autodiff.traced import traced_derivatives
from tfdrop.influence.autodiff.verification import DerivativeError
from tfdrop.influence.autodiff.verified import CHECKED_SAMPLES, Backend, DerivativeWarning, VerifiedAutodiff

CHECKED_AS_THEY_ARE = 64  # where each shape of batch is compiled anew: on JAX, and for several replicas

__all__ = ["DerivativeError", "DerivativeWarning", "verified_autodiff"]


def verified_autodiff(model, per_sample_loss, variables):
    """Returns the derivatives of a model's per-sample losses, each checked before it is used.

    They are sharded over the replicas where the model was built under a TensorFlow strategy. What they are compiled to
    is kept with the model, and used again as long as nothing has changed but weights.

    Args:
        model: A built Keras model.
        per_sample_loss: A `PerSampleLoss`.
        variables: Trainable Keras variables of the model.

    Returns:
        A `VerifiedAutodiff`.

    Raises:
        ValueError: If the backend is neither TensorFlow nor JAX.
    """
    name = keras.backend.backend()
    if name not in ("tensorflow", "jax"):
        raise ValueError(f"Influence needs the tensorflow or jax backend. Received: {name}")
    arguments = (_backend(name, model), model, per_sample_loss, list(variables))
    return VerifiedAutodiff(*arguments, traced_derivatives(*arguments))


def _backend(name, model):
    modules = (importlib.import_module(f"{__name__}.{part}{name}") for part in ("", "reverse_", "evaluation_"))
    forward, reverse, evaluation = modules
    sharded = _sharding(model.distribute_strategy) if name == "tensorflow" else None
    samples = CHECKED_SAMPLES if name == "tensorflow" and sharded is None else CHECKED_AS_THEY_ARE
    return Backend(forward.Autodiff, reverse.ReverseAutodiff, evaluation.Evaluation, sharded, samples)


def _sharding(strategy):
    """Returns a function that shards an `Autodiff` over a strategy's replicas, or `None` if there is only one."""
    if strategy.num_replicas_in_sync == 1:
        return None
    from tfdrop.influence.autodiff.distributed_tensorflow import DistributedAutodiff

    return lambda autodiff: DistributedAutodiff(autodiff, strategy)
