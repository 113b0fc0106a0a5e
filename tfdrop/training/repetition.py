"""A training taken once more with other weights of its samples: what a replay's prediction is compared with."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from tfdrop.arguments import invalid
from tfdrop.training.sample_weights import checked_weights
from tfdrop.training.step_function import State, put_back, write_state

if TYPE_CHECKING:
    from tfdrop.training.loop import Training


@contextlib.contextmanager
def repeated(training: "Training", sample_weights: ArrayLike, start: State | None = None) -> Iterator["Training"]:
    """Sets a training back to its first state, with other weights of its samples, and at the end to where it was.

    Nothing is recorded inside the context, and nothing is built or compiled anew.

    Args:
        training: A recorded `Training`, or any other if its first state is given.
        sample_weights: A weight for each sample, as `Training` takes them: 0 leaves a sample out.
        start: The state to start from; by default the first of the record.

    Yields:
        The training, whose `dispatches()` take the steps.

    Raises:
        ValueError: If the weights are not as `Training` takes them, or the first state is not known.

    >>> import keras, numpy as np
    >>> from tfdrop.training import Training, repeated
    >>> x = np.arange(6, dtype="float32")[:, None]
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> loss, optimizer = keras.losses.MeanSquaredError(), keras.optimizers.SGD(0.01)
    >>> training = Training(model, optimizer, loss, (x, x), batch_size=3, epochs=2, record=True)
    >>> steps = [len(losses) for losses in training.dispatches()]
    >>> with repeated(training, [1, 1, 1, 1, 1, 0]) as again:
    ...     steps = [len(losses) for losses in again.dispatches()]
    ...     without_the_last = again.model.get_weights()
    >>> any(np.array_equal(*pair) for pair in zip(without_the_last, model.get_weights()))
    False
    """
    if start is None:
        if training.record is None or 0 not in training.record.steps:
            raise invalid("training", "a recorded training, or its first state", received="none of both")
        start = training.record.state(0)
    weights = checked_weights(sample_weights, training.samples, training.loss)
    record, before = training.record, training.sample_weights
    training.record, training.sample_weights = None, weights
    try:
        with put_back(training.model, training.optimizer):
            write_state(start, training.model, training.optimizer)
            yield training
    finally:
        training.record, training.sample_weights = record, before
