"""A training run whose every step is a function of its seed and number, so that it can stop and go on anywhere."""

import time

import keras
import numpy as np

from tfdrop.data.samples import count

# How long a dispatch should take at most: between two of them a run can be saved, stopped, and shows its progress.
SECONDS_PER_DISPATCH = 5.0


class Training:
    """Trains a model on arrays held on the device, many steps a dispatch.

    The order of the samples in an epoch and the model's random layers, whose own seeds are replaced, depend on the
    seed and the step alone; a layer should draw once a step, as all of Keras's and tfdrop's do. A
    model and optimizer restored at some step therefore go on as if they had never stopped; the step is the
    optimizer's own count.

    Keras's `fit` dispatches every step from Python on JAX and shuffles with state that it does not save, hence
    this loop.

    Args:
        model: Built Keras model, trained in place.
        optimizer: Keras optimizer; one restored together with the model goes on where it stood.
        loss: Keras loss.
        train: Arrays `(x, y)`; `x` may be a structure of arrays.
        batch_size: Samples a step; the last step of an epoch takes what is left.
        epochs: Number of epochs.
        seed: Integer seed.
        steps_per_dispatch: Most steps between two returns to Python. There are fewer, 10 or 1, where so many would
            take longer than `SECONDS_PER_DISPATCH`; the result is the same.
        jit_compile: Whether to compile with XLA on TensorFlow; by default on accelerators only. JAX always does.
    """

    def __init__(
        self, model, optimizer, loss, train, batch_size, epochs, seed=0, steps_per_dispatch=100, jit_compile=None
    ):
        self._model = model
        self._optimizer = optimizer
        self._samples = count(train)
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
    def step(self):
        """Number of steps taken so far, those before a restart included."""
        return int(self._optimizer.iterations)

    @property
    def learning_rate(self):
        """The learning rate of the next step."""
        return float(self._optimizer.learning_rate)

    def dispatches(self):
        """Takes all steps that are left.

        Yields:
            After each dispatch, the losses of its steps. The model, the optimizer and `step` are then in
            agreement, so this is where to save or to stop.
        """
        size, left = 1, []
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

    def _left_in_epoch(self):
        """Returns the indices of the samples that the running epoch still has to come to, in its order."""
        epoch, first = divmod(self.step, self.steps_per_epoch)
        order = np.random.default_rng((self._seed, epoch)).permutation(self._samples)
        return order[first * self._batch_size :]

    def _first_batches(self, samples, most):
        """Returns the first of some samples in batches, shape `(steps, batch)`, at most `most` steps.

        Shapes are few, as each is compiled: `most` steps, a tenth of them, ..., one; and the smaller last batch of an
        epoch by itself.
        """
        while most > 1 and most * self._batch_size > len(samples):
            most = max(1, most // 10)
        return samples[: most * self._batch_size].reshape(most, -1)

    def _seed_random_layers(self):
        """Sets the state `(seed, draws)` of every random layer: the draws are the steps, one draw a step."""
        weights = {id(weight) for weight in self._model.weights}
        states = [variable for variable in self._model.variables if id(variable) not in weights]
        for number, state in enumerate(states):
            layer_seed = np.random.SeedSequence(self._seed, spawn_key=(number,)).generate_state(1)[0]
            state.assign(np.array([layer_seed, self.step]).astype(state.dtype))


def _compiled_steps():
    """Returns the running backend's `CompiledSteps`."""
    if keras.backend.backend() == "jax":
        from tfdrop.training.steps_jax import CompiledSteps
    else:
        from tfdrop.training.steps_tensorflow import CompiledSteps
    return CompiledSteps


def compiles_with_xla():
    """Tells whether to compile with XLA: always on JAX; on TensorFlow on accelerators only.

    On CPUs XLA is several times slower than TensorFlow's own convolutions, and Keras would choose it.
    """
    accelerated = any(not device.startswith("cpu") for device in keras.distribution.list_devices())
    return keras.backend.backend() == "jax" or accelerated
