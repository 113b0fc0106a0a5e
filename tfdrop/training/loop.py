"""A training run whose every step is a function of its seed and number, so that it can stop and go on anywhere."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from tfdrop.arguments import check_whole, invalid
from tfdrop.data.samples import count
from tfdrop.environment import accelerators
from tfdrop.training.random_layers import random_states
from tfdrop.training.recording import keep_if_due, new_record
from tfdrop.training.replayable import checked_backward
from tfdrop.training.replicas import on_tensorflow, replicas, scope_of
from tfdrop.training.sample_weights import checked_weights
from tfdrop.training.step_function import read_state, write_state

# How long a dispatch should take at most: between two of them a run can be saved, stopped, and shows its progress.
SECONDS_PER_DISPATCH = 5.0


class Training:
    """Trains a model on arrays held on the device, many steps per dispatch, or on images that are read for each.

    The order of the samples in an epoch and the model's random layers, whose own seeds are replaced, depend on the
    seed and the step alone; a layer should draw once per step, as all of Keras's and tfdrop's do. A
    model and optimizer restored at some step therefore continue as if they had never stopped; the step is the
    optimizer's own count.

    Keras's `fit` dispatches every step from Python on JAX and shuffles with state that it does not save, hence
    this loop.

    A model and optimizer made in the scope of a `tf.distribute.Strategy`, or under `keras.distribution.DataParallel`
    on JAX, are trained on all its devices: `docs/scale.md` has what is then the same and what is not.

    Args:
        model: Built Keras model, trained in place.
        optimizer: Keras optimizer; one restored together with the model continues where it was. It must not scale the
            loss, as `mixed_float16` does: train in `mixed_bfloat16`.
        loss: Keras loss.
        train: Arrays `(x, y)`; `x` may be a structure of arrays. `StreamedImages` are read when a step needs them, the
            next ones while it is taken.
        batch_size: Samples per step; the last step of an epoch takes what is left.
        epochs: Number of epochs.
        seed: Integer seed.
        sample_weights: A number of at least 0 for each sample, shape `(n,)`. It multiplies the sample's loss in its
            batch; the batch's mean is still over its size, not over the weights' sum. 0 leaves a sample out and moves
            no other, except that batch normalization still sees it.
        record: Whether to keep what `tfdrop.influence.replay_influence` needs: `True` in memory, or a folder to keep
            it in. The training is the same to the bit. What cannot be replayed is an error before the first step.
            Between dispatches nothing may be changed but the learning rate.
        memory: Bytes that a record in memory may take; one in a folder may take ten times as much there. Where not
            every step's state fits, some are kept and the others computed again.
        steps_per_dispatch: Most steps between two returns to Python. There are fewer where so many would take longer
            than `SECONDS_PER_DISPATCH`, or go past a state that the record keeps; the result is the same.
        jit_compile: Whether to compile with XLA on TensorFlow; by default on accelerators only. JAX always does.

    Raises:
        TypeError: If `train` is not a tuple `(x, y)`.
        ValueError: If an argument is out of range, or the optimizer scales the loss.
        CheckpointError: If the folder `record` holds the record of another training.

    >>> x = np.arange(6, dtype="float32")[:, None]
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> training = Training(model, keras.optimizers.SGD(0.01), keras.losses.MeanSquaredError(), (x, x), 4, epochs=3)
    >>> sum(len(losses) for losses in training.dispatches()), training.step
    (6, 6)
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        loss: keras.losses.Loss,
        train: tuple[Any, Any],
        batch_size: int,
        epochs: int,
        seed: int = 0,
        sample_weights: ArrayLike | None = None,
        record: bool | str | Path = False,
        memory: int = 2**30,
        steps_per_dispatch: int = 100,
        jit_compile: bool | None = None,
    ):
        for name, value in (("batch_size", batch_size), ("epochs", epochs), ("steps_per_dispatch", steps_per_dispatch)):
            check_whole(name, value)
        # Its `apply` divides gradients by a scale that the loss here was never multiplied by, and skips steps.
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer) or optimizer.loss_scale_factor:
            raise invalid("optimizer", "one that does not scale the loss", optimizer)
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.train = train
        self.samples = count(train, "train")
        self.batch_size = min(batch_size, self.samples)
        self.seed = seed
        self.sample_weights = None if sample_weights is None else checked_weights(sample_weights, self.samples, loss)
        self.steps_per_dispatch = steps_per_dispatch
        self.epochs = epochs
        self.steps_per_epoch = -(-self.samples // self.batch_size)
        self._backward = None
        self._distribution = keras.distribution.distribution()
        self._order: tuple[int, np.ndarray] | None = None
        if not optimizer.built:
            with self.scope():
                optimizer.build(model.trainable_variables)
        jit_compile = compiles_with_xla() if jit_compile is None else jit_compile
        self._compiled = _compiled_steps(model)(model, optimizer, loss, train, jit_compile)
        check_whole("memory", memory)
        self.record = new_record(self, None if record is True else Path(record), memory) if record else None

    def scope(self) -> contextlib.AbstractContextManager:
        """Returns the context in which the model's variables were made."""
        return scope_of(self.model) if self._distribution is None else self._distribution.scope()

    @property
    def steps(self) -> int:
        """Number of steps of the whole training."""
        return self.epochs * self.steps_per_epoch

    @property
    def step(self) -> int:
        """Number of steps taken so far, those before a restart included."""
        return int(ops.convert_to_numpy(self.optimizer.iterations))

    @property
    def weight_of_each_sample(self) -> np.ndarray:
        """The `sample_weights`, or ones where there are none."""
        return np.ones(self.samples, self.loss.dtype) if self.sample_weights is None else self.sample_weights

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return float(ops.convert_to_numpy(self.optimizer.learning_rate))

    def learning_rate_of(self, step: int) -> float:
        """Returns the learning rate of a step, by the schedule or the record; without either, that of the next step."""
        rate = self.optimizer._learning_rate
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            return float(ops.convert_to_numpy(rate(step)))
        noted = None if self.record is None else self.record.rate(step)
        return self.learning_rate if noted is None else noted

    def dispatches(self) -> Iterator[np.ndarray]:
        """Takes all remaining steps.

        Yields:
            After each dispatch, the losses of its steps. The model, the optimizer and `step` then agree, so this is
            where to save or to stop.

        Raises:
            ValueError: If the training is recorded and cannot be replayed; no step has been taken then.
        """
        most = self.steps_per_dispatch
        if self.record is not None:
            self.backward()
            most = min(most, self.record.gap)
        arrays = self._compiled.arrays
        most = max(1, min(most, arrays.most_samples() // self.batch_size))
        size = 1
        while (step := self.step) < self.steps:
            left = self.samples_left(step)
            unkept = self.steps if self.record is None else self.record.gap - step % self.record.gap
            batches = self._first_batches(left[: unkept * self.batch_size], size)  # none past a state that is kept
            arrays.expect(left[: 2 * batches.size], self.batch_size)
            self.seed_random_layers()
            if self.record is not None:
                keep_if_due(self)
            start = time.monotonic()
            losses = self._compiled.run(batches, self.sample_weights)
            # Compiling is part of the first of a size, and at worst delays the next size by a dispatch.
            if len(batches) == size and 10 * self._compiled.agreed(time.monotonic() - start) < SECONDS_PER_DISPATCH:
                size = min(10 * size, most)
            yield losses
        if self.record is not None:
            self.record.keep(self.step, read_state(self.model, self.optimizer))

    def backward(self) -> Any:
        """Returns the `BackwardStep` of the training, checked once.

        Raises:
            ValueError: If the training cannot be replayed; it says what stands in the way.
        """
        if self._backward is None:
            self._backward = checked_backward(self)
        return self._backward

    def restore(self) -> bool:
        """Sets model and optimizer to what they were at the end of the recorded training.

        Returns:
            Whether the record has that; otherwise nothing is changed.

        Raises:
            CheckpointError: If the record is damaged.
        """
        if self.record is None or self.steps not in self.record.steps:
            return False
        write_state(self.record.state(self.steps), self.model, self.optimizer)
        return True

    def take_step(self) -> None:
        """Takes the next step, whether or not it is one of the last epoch's, and keeps nothing."""
        self.seed_random_layers()
        self._compiled.run(self._first_batches(self.samples_left(self.step), 1), self.sample_weights)

    def samples_left(self, step: int) -> np.ndarray:
        """Returns the indices of the samples that a step's epoch has not reached before it, in the epoch's order."""
        epoch, first = divmod(step, self.steps_per_epoch)
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, np.random.default_rng((self.seed, epoch)).permutation(self.samples)
        return self._order[1][first * self.batch_size :]

    def batch(self, step: int) -> np.ndarray:
        """Returns the indices of the samples of a step, in order."""
        return self.samples_left(step)[: self.batch_size]

    def _first_batches(self, samples: np.ndarray, most: int) -> np.ndarray:
        """Returns the first of some samples in batches, shape `(steps, batch)`, at most `most` steps.

        There are few shapes, as each is compiled: `most` steps, a tenth of them, ..., one; and the smaller last batch
        of an epoch separately.
        """
        while most > 1 and most * self.batch_size > len(samples):
            most = max(1, most // 10)
        return samples[: most * self.batch_size].reshape(most, -1)

    def seed_random_layers(self) -> None:
        """Sets the state `(seed, draws)` of every random layer: the draws are the steps, one draw a step."""
        for number, state in enumerate(random_states(self.model)):
            layer_seed = np.random.SeedSequence(self.seed, spawn_key=(number,)).generate_state(1)[0]
            state.assign(np.array([layer_seed, self.step]).astype(state.dtype))


def _compiled_steps(model) -> Any:
    """Returns the running backend's `CompiledSteps`, or what takes the same steps on several devices."""
    if not on_tensorflow():
        from tfdrop.training import steps_jax

        return steps_jax.CompiledSteps
    if replicas(model) > 1:
        from tfdrop.training import sharded_steps_tensorflow

        return sharded_steps_tensorflow.ShardedSteps
    from tfdrop.training import steps_tensorflow

    return steps_tensorflow.CompiledSteps


def compiles_with_xla() -> bool:
    """Tells whether to compile with XLA: always on JAX; on TensorFlow on accelerators only.

    On CPUs XLA is several times slower than TensorFlow's own convolutions, and Keras would choose it.
    """
    return not on_tensorflow() or bool(accelerators())
