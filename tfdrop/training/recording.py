"""What a training's record is keyed by, which of its states are kept, and how those between are computed again."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from tfdrop.data.samples import is_streamed
from tfdrop.environment import accelerators, rounds_coarsely
from tfdrop.training.record import Record, spacing, states_kept
from tfdrop.training.replicas import replicas
from tfdrop.training.sample_weights import check_loss
from tfdrop.training.step_function import State, copy_state, in_double, rate_variable, read_state, write_state

if TYPE_CHECKING:
    from tfdrop.training.loop import Training

# How far steps that are taken once more may be off, relative to their length. On processors they are the same to the
# bit, on another one nearly so; the larger number is what training in bfloat16 is off by, another model is by far more.
DIFFERENCE, ROUGH_DIFFERENCE = 0.01, 0.3


def new_record(training: "Training", folder: Path | None, memory: int) -> Record:
    """Returns the `Record` of a training: in memory, or in a folder, where that of an interrupted run goes on.

    Raises:
        CheckpointError: If the folder holds the record of another training.
        ValueError: If the loss cannot be weighted by samples, or the memory is too small.
    """
    check_loss(training.loss)
    state = read_state(training.model, training.optimizer)
    size = sum(array.nbytes for group in state for array in group)
    gap = spacing(training.steps, size, memory, folder is not None)
    return Record(folder, _key(training), state, gap)


def states_of(training: "Training") -> int:
    """Returns how many states the record of a training has at its end."""
    assert training.record is not None
    return states_kept(training.steps, training.record.gap)


def keep_if_due(training: "Training") -> None:
    """Keeps a training's state before a step if the record needs it, and the learning rate if it was changed."""
    step, record = training.step, training.record
    assert record is not None
    if rate_variable(training.optimizer) is not None:
        record.note_rate(step, training.learning_rate)
    if step % record.gap == 0:
        record.keep(step, read_state(training.model, training.optimizer))


def states_between(training: "Training", first: int, upper: int) -> Iterator[State]:
    """Yields a kept state and those before the steps that follow, computed again: the training is somewhere else then.

    Args:
        training: A recorded `Training`.
        first: A step whose state is kept.
        upper: The step after the last one whose state is wanted.

    Raises:
        ValueError: If the next kept state is not reached.
    """
    model, optimizer, record = training.model, training.optimizer, training.record
    assert record is not None
    kept = record.state(first)
    yield kept
    if upper - first == 1:
        return
    copy = read_state if accelerators() else copy_state  # `memory` is not that of an accelerator
    write_state(kept, model, optimizer)
    for step in range(first + 1, upper):
        training.take_step()
        training.seed_random_layers()
        rate = record.rate(step)
        if rate is not None and rate != training.learning_rate:
            optimizer.learning_rate = rate
        yield copy(model, optimizer)
    if upper in record.steps:
        training.take_step()
        difference = ROUGH_DIFFERENCE if rounds_coarsely(model) else DIFFERENCE
        check_reached(training, upper, kept, copy_state(model, optimizer), difference)


def check_reached(
    training: "Training", step: int, before: State, reached: State, difference: float = ROUGH_DIFFERENCE
) -> None:
    """Raises a `ValueError` if some steps do not lead to the state in the record.

    It is the record of another training then, or something but the learning rate was changed from outside, between two
    steps, which what is computed again does not have.

    Args:
        training: A recorded `Training`.
        step: The number of steps after which the state is kept.
        before: A state before.
        reached: The state that they led to now.
        difference: How far that may be off, relative to the steps' length.
    """
    assert training.record is not None
    recorded = training.record.state(step)
    off = moved = 0.0
    for start, ours, theirs in zip(before.weights, reached.weights, recorded.weights, strict=True):
        off += np.sum(np.square(in_double(ours) - theirs))
        moved += np.sum(np.square(in_double(theirs) - in_double(start)))
    if not np.sqrt(off) <= difference * np.sqrt(moved) + 1e-12:
        raise ValueError(
            "Invalid value received for argument `training`. Expected the training that was recorded, with nothing "
            f"changed between its steps but the learning rate. Received: one that after step {step} is off by "
            f"{np.sqrt(off / max(moved, 1e-300)):.2g} times the way there from what is kept before"
        )


def _key(training):
    """Returns a digest of all that a training's steps depend on, except its first weights."""
    sizes = {name: getattr(training, name) for name in ("seed", "epochs", "batch_size", "samples")}
    optimizer = keras.saving.serialize_keras_object(training.optimizer)
    config = optimizer["config"]
    config.pop("name", None)
    if not isinstance(config.get("learning_rate"), dict):  # a schedule; a number the record keeps by itself
        config.pop("learning_rate", None)
    # Not their names, which count on when the same model is built once more.
    shapes = [(list(variable.shape), str(variable.dtype)) for variable in training.model.variables]
    # What a replica draws, and the statistics of its share, depend on how many there are.
    if (several := replicas(training.model)) > 1:
        sizes["replicas"] = several
    loss = keras.saving.serialize_keras_object(training.loss)
    digest = hashlib.sha256(
        json.dumps([sizes, optimizer, shapes, loss, training.loss.dtype], default=str, sort_keys=True).encode()
    )
    for array in keras.tree.flatten((training.train, training.sample_weights)):
        if array is not None:
            digest.update(array.fingerprint() if is_streamed(array) else np.asarray(array).tobytes())
    return digest.hexdigest()[:32]
