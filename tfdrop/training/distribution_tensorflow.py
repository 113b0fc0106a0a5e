"""Several devices and several processes on TensorFlow: what is done with a `tf.distribute.Strategy`."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfdrop.data.samples import is_streamed


def mirrored() -> tf.distribute.Strategy:
    """Returns the strategy of all accelerators of this machine, or, where it has none, of its logical CPU devices."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def multi_worker() -> tf.distribute.Strategy:
    """Returns the strategy of the processes that `TF_CONFIG` names; to be called before anything is computed.

    It waits for all of them to be there. When one ends, collective operations of the others are errors at once; when
    one falls silent, after some seconds without a heartbeat.
    """
    return tf.distribute.MultiWorkerMirroredStrategy()


def shares_of(samples: int, strategy: tf.distribute.Strategy) -> list[np.ndarray]:
    """Returns the places in a batch of each replica's samples, in order, as evenly as can be.

    A replica that nothing is left for gets the first sample, to be left out of what is summed: TensorFlow has
    convolutions that fail on no sample at all.
    """
    shares = np.array_split(np.arange(samples), strategy.num_replicas_in_sync)
    return [share if len(share) else np.zeros(1, int) for share in shares]


def to_replicas(strategy: tf.distribute.Strategy, values: Sequence[Any] | Mapping[int, Any]) -> Any:
    """Returns the values of all replicas, each on its replica's device; a process keeps those of its own replicas.

    Args:
        strategy: The strategy.
        values: An array for each replica, in the order of all processes; or for each of this process's, by its number.
    """
    devices = strategy.extended.worker_devices  # those of this process

    def place(context):
        replica = context.replica_id_in_sync_group
        with tf.device(devices[replica % len(devices)]):
            return tf.identity(tf.constant(values[replica]))

    return strategy.experimental_distribute_values_from_function(place)


def shared_out(strategy: tf.distribute.Strategy, arrays: Any, shares: Sequence[np.ndarray]) -> Any:
    """Returns each replica's share of arrays, or of a structure of them, on its device.

    Of `StreamedImages`, a process reads what its own replicas take.
    """
    own = own_replicas(strategy)

    def placed(array):
        array = array if is_streamed(array) else np.asarray(array)
        return to_replicas(strategy, {each: np.asarray(array[shares[each]]) for each in own})

    return keras.tree.map_structure(placed, arrays)


@cache
def own_replicas(strategy: tf.distribute.Strategy) -> list[int]:
    """Returns the numbers of this process's replicas, among those of all processes."""
    found = []

    def note(context):
        found.append(context.replica_id_in_sync_group)
        return tf.constant(0)

    strategy.experimental_distribute_values_from_function(note)
    return found


def over_replicas(operation: tf.distribute.ReduceOp, tensors: Sequence[Any]) -> list[Any]:
    """Returns, inside a replica, what some tensors come to over all replicas: their sums or means."""
    tensors = [tf.identity(tensor) for tensor in tensors]
    found = list(tensors)
    for dtype in {tensor.dtype: None for tensor in tensors}:  # a collective operation takes one type
        places = [place for place, tensor in enumerate(tensors) if tensor.dtype == dtype]
        reduced = tf.distribute.get_replica_context().all_reduce(operation, [tensors[place] for place in places])
        for place, each in zip(places, reduced, strict=True):
            found[place] = each
    return found


def agreed(strategy: tf.distribute.Strategy, number: float) -> float:
    """Returns the mean of a number over the processes, which then decide alike; each has to ask."""
    values = to_replicas(strategy, [np.float64(number)] * strategy.num_replicas_in_sync)
    return float(strategy.reduce(tf.distribute.ReduceOp.MEAN, values, axis=None))
