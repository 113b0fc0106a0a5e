"""Some of the samples of a data set, beside what NumPy selects."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfdrop.data.subset import subset

SAMPLES, BATCH = 23, 5


class Passes:
    """Something that can be iterated over again and again, and is nothing else."""

    def __init__(self, batches):
        self._batches = batches

    def __iter__(self):
        return iter(self._batches)


class Sequence(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self._batches = batches

    def __len__(self):
        return len(self._batches)

    def __getitem__(self, index):
        return self._batches[index]


def samples():
    rng = np.random.default_rng(0)
    x = {"image": rng.normal(size=(SAMPLES, 3, 2)).astype("float32"), "size": np.arange(SAMPLES)}
    return x, rng.integers(0, 4, SAMPLES), rng.random(SAMPLES)


def chosen(data, indices):
    return keras.tree.map_structure(lambda array: array[indices], data)


def as_dataset(batches):
    return tf.data.Dataset.from_tensor_slices(samples()).batch(BATCH)


@pytest.mark.parametrize("make", [list, Passes, Sequence, as_dataset])
@pytest.mark.parametrize("kept", [[0, 1, 2, 3, 4], [1, 7, 8, 20, 22], [22], range(1, SAMPLES), range(SAMPLES)])
def test_the_samples_are_those_that_numpy_selects(make, kept):
    batches = [chosen(samples(), slice(at, at + BATCH)) for at in range(0, SAMPLES, BATCH)]
    part = subset(make(batches), np.array(kept), [5, 5, 5, 5, 3])
    for _ in range(2):  # passes
        found = [part[place] for place in range(len(part))] if make is Sequence else list(part)
        assert len(found) == len(part)
        assert all(len(y) for _, y, _ in found)
        joined = keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *found)
        keras.tree.map_structure(np.testing.assert_array_equal, joined, chosen(samples(), list(kept)))
    if make is as_dataset:
        assert [len(y) for _, y, _ in found] == [BATCH] * (len(kept) // BATCH) + [len(kept) % BATCH] * (
            len(kept) % BATCH > 0
        )


def test_a_data_set_of_images_of_different_sizes():
    images = [np.full((1, 4 + number, 6, 1), number, "float32") for number in range(6)]
    signature = (tf.TensorSpec((None, None, None, 1)), tf.TensorSpec((None, None, None, 1)))
    data = tf.data.Dataset.from_generator(lambda: ((image, image) for image in images), output_signature=signature)
    part = [x.numpy() for x, _ in subset(data, np.array([1, 4]), [1] * 6)]
    assert [x.shape for x in part] == [(1, 5, 6, 1), (1, 8, 6, 1)]
    assert [x.max() for x in part] == [1, 4]


def test_a_part_can_be_trained_on():
    x, y = samples()[0]["image"], samples()[1]
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH)
    model = keras.Sequential([keras.Input((3, 2)), keras.layers.Flatten(), keras.layers.Dense(4)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(subset(data, np.arange(0, SAMPLES, 2), [5, 5, 5, 5, 3]), epochs=2, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == 2 * 3
