"""What a training's record is keyed by, which of its states are kept, and how those between are computed again."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from tfdrop.data.samples import is_streamed
from tfdrop.training.record import Record, spacing, states_kept
from tfdrop.training.replicas import replicas
from tfdrop.training.sample_weights import check_loss
from tfdrop.training.step_function import State, copy_state, in_double, rate_variable, read_state, write_state

if TYPE_CHECKING:
    from tfdrop.training.loop import Training

LARGEST_DIFFERENCE = 0.3  # of a step's length: what training in bfloat16 is off by; another model is by far more


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
    write_state(kept, model, optimizer)
    for step in range(first + 1, upper):
        training.take_step()
        training.seed_random_layers()
        rate = record.rate(step)
        if rate is not None and rate != training.learning_rate:
            optimizer.learning_rate = rate
        last = copy_state(model, optimizer)
        yield last
    if upper in record.steps:
        training.take_step()
        check_step(training, upper - 1, last, copy_state(model, optimizer))


def check_step(training: "Training", step: int, before: State, after: State) -> None:
    """Raises a `ValueError` if a step does not lead to the state in the record.

    It is the record of another training then, or something but the learning rate was changed from outside, between two
    steps, which what is computed again does not have.

    Args:
        training: A recorded `Training`.
        step: The step, after which the state is kept.
        before: The state before it.
        after: The state that it led to now.
    """
    assert training.record is not None
    recorded = training.record.state(step + 1)
    off = moved = 0.0
    for start, ours, theirs in zip(before.weights, after.weights, recorded.weights, strict=True):
        off += np.sum(np.square(in_double(ours) - theirs))
        moved += np.sum(np.square(in_double(theirs) - in_double(start)))
    if not np.sqrt(off) <= LARGEST_DIFFERENCE * np.sqrt(moved) + 1e-12:
        raise ValueError(
            "Invalid value received for argument `training`. Expected the training that was recorded. Received: one "
            f"whose step {step + 1} is off by {np.sqrt(off / moved):.2g} times its length"
        )


def _key(training):
    """Returns a digest of all that a training's steps depend on, except its first weights."""
    sizes = {name: getattr(training, name) for name in ("seed", "epochs", "batch_size", "samples")}
    optimizer = keras.saving.serialize_keras_object(training.optimizer)
    for varying in ("name", "learning_rate"):  # a run that was interrupted may have lowered the rate
        optimizer["config"].pop(varying, None)
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
