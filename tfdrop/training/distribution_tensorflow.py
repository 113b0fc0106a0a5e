"""Several devices and several processes on TensorFlow: what is done with a `tf.distribute.Strategy`."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def to_replicas(strategy: tf.distribute.Strategy, values: Sequence[Any]) -> Any:
    """Returns the values of all replicas, each on its replica's device; a process keeps those of its own replicas.

    Args:
        strategy: The strategy.
        values: An array for each replica, in the order of all processes.
    """
    devices = strategy.extended.worker_devices  # those of this process

    def place(context):
        replica = context.replica_id_in_sync_group
        with tf.device(devices[replica % len(devices)]):
            return tf.identity(tf.constant(values[replica]))

    return strategy.experimental_distribute_values_from_function(place)


def agreed(strategy: tf.distribute.Strategy, number: float) -> float:
    """Returns the mean of a number over the processes, which then decide alike; each has to ask."""
    values = to_replicas(strategy, [float(number)] * strategy.num_replicas_in_sync)
    return float(strategy.reduce(tf.distribute.ReduceOp.MEAN, values, axis=None))


def multi_worker() -> tf.distribute.Strategy:
    """Returns the strategy of the processes that `TF_CONFIG` names; to be called before anything is computed."""
    return tf.distribute.MultiWorkerMirroredStrategy()
