"""A training run whose every step is a function of its seed and number, so that it can stop and go on anywhere."""

import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from tfdrop.arguments import check_whole, invalid
from tfdrop.data.samples import count

# How long a dispatch should take at most: between two of them a run can be saved, stopped, and shows its progress.
SECONDS_PER_DISPATCH = 5.0


class Training:
    """Trains a model on arrays held on the device, many steps per dispatch.

    The order of the samples in an epoch and the model's random layers, whose own seeds are replaced, depend on the
    seed and the step alone; a layer should draw once per step, as all of Keras's and tfdrop's do. A
    model and optimizer restored at some step therefore continue as if they had never stopped; the step is the
    optimizer's own count.

    Keras's `fit` dispatches every step from Python on JAX and shuffles with state that it does not save, hence
    this loop.

    Args:
        model: Built Keras model, trained in place.
        optimizer: Keras optimizer; one restored together with the model continues where it was. It must not scale the
            loss, as `mixed_float16` does: train in `mixed_bfloat16`.
        loss: Keras loss.
        train: Arrays `(x, y)`; `x` may be a structure of arrays.
        batch_size: Samples per step; the last step of an epoch takes what is left.
        epochs: Number of epochs.
        seed: Integer seed.
        steps_per_dispatch: Most steps between two returns to Python. There are fewer, 10 or 1, where so many would
            take longer than `SECONDS_PER_DISPATCH`; the result is the same.
        jit_compile: Whether to compile with XLA on TensorFlow; by default on accelerators only. JAX always does.

    Raises:
        TypeError: If `train` is not a tuple `(x, y)`.
        ValueError: If an argument is out of range, or the optimizer scales the loss.

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
        steps_per_dispatch: int = 100,
        jit_compile: bool | None = None,
    ):
        for name, value in (("batch_size", batch_size), ("epochs", epochs), ("steps_per_dispatch", steps_per_dispatch)):
            check_whole(name, value)
        # Its `apply` divides gradients by a scale that the loss here was never multiplied by, and skips steps.
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer) or optimizer.loss_scale_factor:
            raise invalid("optimizer", "one that does not scale the loss", optimizer)
        self._model = model
        self._optimizer = optimizer
        self._samples = count(train, "train")
        self._batch_size = min(batch_size, self._samples)
        self._seed = seed
        self.steps_per_dispatch = steps_per_dispatch
        self.epochs = epochs
        self.steps_per_epoch = -(-self._samples // self._batch_size)
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
        jit_compile = compiles_with_xla() if jit_compile is None else jit_compile
        self._compiled = _compiled_steps()(model, optimizer, loss, train, jit_compile)

    @property
    def step(self) -> int:
        """Number of steps taken so far, those before a restart included."""
        return int(self._optimizer.iterations)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return float(self._optimizer.learning_rate)

    def dispatches(self) -> Iterator[np.ndarray]:
        """Takes all remaining steps.

        Yields:
            After each dispatch, the losses of its steps. The model, the optimizer and `step` then agree, so this is
            where to save or to stop.
        """
        size, left = 1, np.zeros(0, int)
        while self.step < self.epochs * self.steps_per_epoch:
            left = left if len(left) else self._left_in_epoch()
            batches = self._first_batches(left, size)
            left = left[batches.size :]
            self._seed_random_layers()
            start = time.monotonic()
            losses = self._compiled.run(batches)
            # Compiling is part of the first of a size, and at worst delays the next size by a dispatch.
            if len(batches) == size and 10 * (time.monotonic() - start) < SECONDS_PER_DISPATCH:
                size = min(10 * size, self.steps_per_dispatch)
            yield losses

    def _left_in_epoch(self) -> np.ndarray:
        """Returns the indices of the samples that the running epoch has not reached yet, in its order."""
        epoch, first = divmod(self.step, self.steps_per_epoch)
        order = np.random.default_rng((self._seed, epoch)).permutation(self._samples)
        return order[first * self._batch_size :]

    def _first_batches(self, samples: np.ndarray, most: int) -> np.ndarray:
        """Returns the first of some samples in batches, shape `(steps, batch)`, at most `most` steps.

        There are few shapes, as each is compiled: `most` steps, a tenth of them, ..., one; and the smaller last batch
        of an epoch separately.
        """
        while most > 1 and most * self._batch_size > len(samples):
            most = max(1, most // 10)
        return samples[: most * self._batch_size].reshape(most, -1)

    def _seed_random_layers(self) -> None:
        """Sets the state `(seed, draws)` of every random layer: the draws are the steps, one draw a step."""
        weights = {id(weight) for weight in self._model.weights}
        states = [variable for variable in self._model.variables if id(variable) not in weights]
        for number, state in enumerate(states):
            layer_seed = np.random.SeedSequence(self._seed, spawn_key=(number,)).generate_state(1)[0]
            state.assign(np.array([layer_seed, self.step]).astype(state.dtype))


def _compiled_steps() -> Any:
    """Returns the running backend's `CompiledSteps`."""
    if keras.backend.backend() == "jax":
        from tfdrop.training import steps_jax

        return steps_jax.CompiledSteps
    from tfdrop.training import steps_tensorflow

    return steps_tensorflow.CompiledSteps


def compiles_with_xla() -> bool:
    """Tells whether to compile with XLA: always on JAX; on TensorFlow on accelerators only.

    On CPUs XLA is several times slower than TensorFlow's own convolutions, and Keras would choose it.
    """
    accelerated = any(not device.startswith("cpu") for device in keras.distribution.list_devices())
    return keras.backend.backend() == "jax" or accelerated
