"""A part of the samples of a `tf.data.Dataset`."""

import numpy as np
import tensorflow as tf


def subset_of_dataset(dataset: tf.data.Dataset, mask: np.ndarray, batch_size: int) -> tf.data.Dataset:
    """Returns a data set with those samples alone that a mask marks.

    They are in batches of `batch_size`, or where the shapes of samples may differ in what is left of the batches.

    Args:
        dataset: Gives batches `(x, y)` or `(x, y, sample_weight)`, structures of tensors with the batch axis first.
        mask: Booleans, one a sample.
        batch_size: Samples of a batch; the last may have fewer.

    >>> dataset = tf.data.Dataset.from_tensor_slices((np.arange(5), np.arange(5))).batch(2)
    >>> part = subset_of_dataset(dataset, np.array([True, True, False, True, True]), batch_size=2)
    >>> [x.numpy().tolist() for x, _ in part]
    [[0, 1], [3, 4]]
    """
    marks = tf.constant(mask)

    def choose(first, batch):
        end = first + _length(batch)
        chosen = marks[first:end]
        return end, tf.nest.map_structure(lambda part: tf.boolean_mask(part, chosen), batch)

    chosen = dataset.scan(np.int64(0), choose).filter(lambda *batch: _length(batch) > 0)
    if not all(spec.shape[1:].is_fully_defined() for spec in tf.nest.flatten(dataset.element_spec)):
        return chosen  # padded to each batch's longest sample, say, which another batch may not have
    batches = -(-int(mask.sum()) // batch_size)
    return chosen.rebatch(batch_size).apply(tf.data.experimental.assert_cardinality(batches))


def _length(batch):
    return tf.shape(tf.nest.flatten(batch)[0], out_type=tf.int64)[0]
