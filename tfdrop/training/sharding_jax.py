"""Arrays and batches under a `keras.distribution.DataParallel`, on JAX."""

from typing import Any

import jax
import keras
from jax import numpy as jnp


class Sharding:
    """Where arrays lie: on all devices of the distribution in whose scope this is made; else on the one.

    What is computed from them is divided accordingly by the compiler, and comes to what one device finds, but for the
    order of summation.
    """

    def __init__(self):
        self._distribution = keras.distribution.distribution()

    def on_all_devices(self, array: Any) -> jax.Array:
        """Returns an array that each device has whole."""
        array = jnp.asarray(array)
        return array if self._distribution is None else jax.device_put(array, self._layout([None] * array.ndim))

    def shared_out(self, indices: Any) -> Any:
        """Returns the indices of a batch, each device's share on that device, so that its samples are taken there.

        A batch that does not divide by the devices, all of them take whole.
        """
        if self._distribution is None:
            return indices
        axis, mesh = self._distribution.batch_dim_name, self._distribution.device_mesh
        divides = len(indices) % mesh.shape[mesh.axis_names.index(axis)] == 0
        return jax.lax.with_sharding_constraint(indices, self._layout([axis if divides else None]))

    def _layout(self, axes):
        return keras.distribution.TensorLayout(axes, self._distribution.device_mesh).backend_layout
