"""Influence by replay: one question to a recorded training."""

from typing import Any

import keras
import numpy as np

from tfdrop.arguments import check_whole, wrong_type
from tfdrop.checkpoint import Checkpoint
from tfdrop.influence.measures import measure_name
from tfdrop.influence.phases import Phases
from tfdrop.influence.replay.horizon import Horizon
from tfdrop.influence.replay.measured import measured
from tfdrop.influence.replay.result import ReplayInfluence
from tfdrop.influence.replay.smoothness import checked_smoothness
from tfdrop.influence.replay.walk import Walk
from tfdrop.training import Training
from tfdrop.training.step_function import differentiable, read_state
from tfdrop.whole_files import DamageError


def replay_influence(
    training: Training,
    validation: Any,
    measure: Any = "loss",
    *,
    horizon: float | str = 1.0,
    model: keras.Model | None = None,
    smoothness: bool = False,
    batch_size: int = 64,
    checkpoint: Checkpoint | None = None,
    verbose: int | str = "auto",
) -> ReplayInfluence:
    """Returns the influence of every training sample on a measure of the trained network, by walking its training back.

    Give sample i a weight, 1, that multiplies its loss wherever it stands in a batch. A score is n times the derivative
    of the measure, summed over the validation set, with respect to that weight, through all steps of the training:
    optimizer, batch statistics, augmentation and dropout included. On TensorFlow it takes two to three times as long as
    a training of some hundred steps, five to six times where states do not fit into the record's memory and are
    computed again.

    Args:
        training: A `tfdrop.training.Training` with `record`, whose `dispatches()` are through.
        validation: Arrays `(x, y)` or `(x, y, sample_weight)`, or batches of them, as for `InfluenceModel`; the shapes
            of batches may differ.
        measure: What is summed over the validation set: `"loss"`, the training loss, as in the paper;
            `"expected_error"`, 1 - p(label), which is bounded; `"psnr"`, minus the PSNR of each image from 0 to 1, in
            dB; or any Keras loss per sample.
        horizon: The share of the training to walk back, in (0, 1]. 1 is exact for this very training. `"auto"` stops
            where the derivative has grown to twice what it was at the end of the training, after one epoch at least:
            what the first part of a rough training did belongs to its seed, and foretells no other training.
        model: The model to measure, where that is not the training's: one of the same weights without what belongs to
            training alone, such as the denoiser inside `denoiser_training`.
        smoothness: Whether to take the training twice more, before it is walked back, with lower weights of some
            samples, and find out whether it answers them smoothly; a `SmoothnessWarning` says where it does not.
        batch_size: Samples per step over the validation arrays.
        checkpoint: A `tfdrop.checkpoint.Checkpoint` to save in and to continue from, to the same bits.
        verbose: Progress as in `keras.Model.fit`: 0, 1, 2 or `"auto"`.

    Returns:
        A `ReplayInfluence`.

    Raises:
        TypeError: If `training` is not a `Training`.
        ValueError: If it was not recorded or not finished, or its model was changed since; if an argument or the
            validation data is invalid; if the derivatives overflow before the horizon.
        CheckpointError: If the record or the checkpoint is damaged or of another training.
        OutOfTime: If the checkpoint's deadline is near; everything is saved.

    Example:

    >>> import keras, numpy as np
    >>> from tfdrop.influence import replay_influence
    >>> from tfdrop.training import Training
    >>> x = np.random.default_rng(0).normal(size=(30, 2)).astype("float32")
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> loss, optimizer = keras.losses.MeanSquaredError(), keras.optimizers.SGD(0.1)
    >>> training = Training(model, optimizer, loss, (x[:20], x[:20, :1]), batch_size=5, epochs=2, record=True)
    >>> steps = [len(losses) for losses in training.dispatches()]
    >>> found = replay_influence(training, (x[20:], x[20:, :1]), verbose=0)
    >>> found.scores.shape, found.horizon
    ((20,), 1.0)
    """
    check_whole("batch_size", batch_size)
    _check(training)
    limit = Horizon(horizon, training.steps, training.steps_per_epoch)
    settings = {"measure": measure_name(measure), "horizon": horizon, "record": training.record.key}
    phases = Phases(checkpoint, training.model, **settings)
    smooth = checked_smoothness(training, phases, verbose) if smoothness else None
    value, cotangent = measured(training, model, validation, measure, batch_size, verbose)
    walk = Walk(training, cotangent, limit, phases, verbose)
    walk.run()
    return ReplayInfluence(
        scores=training.samples * walk.derivatives,
        measure=measure_name(measure),
        value=value,
        horizon=(len(limit.norms) - 1) / training.steps,
        norms=np.array(limit.norms),
        kept=walk.kept,
        recomputed=walk.recomputed,
        smoothness=smooth,
    )


def _check(training):
    """Raises an error if a training cannot be walked back from where its model is."""
    if not isinstance(training, Training):
        raise wrong_type("training", "a tfdrop.training.Training", received=str(type(training)))
    if training.record is None:
        raise _invalid("a training with record=True or a folder. Received: record=False")
    if training.step != training.steps:
        raise _invalid(f"a finished training. Received: one after {training.step} of {training.steps} steps")
    kept = training.record.steps
    if not {0, training.steps} <= set(kept) or max(np.diff(kept)) > training.record.gap:
        raise DamageError(
            "Invalid value received for argument `training`. Expected a training that was recorded from its first step "
            "on. Received: one with a gap in its record"
        )
    final = training.record.state(training.steps)
    found = read_state(training.model, training.optimizer)
    moving = differentiable(training.model.non_trainable_variables)
    pairs = [*zip(final.weights, found.weights, strict=True), *((final.others[p], found.others[p]) for p in moving)]
    if any(not np.array_equal(one, two) for one, two in pairs):
        raise _invalid("a model with the weights that its training ended with. Received: other weights")


def _invalid(rest):
    return ValueError(f"Invalid value received for argument `training`. Expected {rest}")
