"""What a training's record is keyed by, and which of its states are kept."""

import hashlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from tfdrop.data.samples import is_streamed
from tfdrop.training.record import Record, spacing
from tfdrop.training.replicas import replicas
from tfdrop.training.sample_weights import check_loss
from tfdrop.training.step_function import read_state

if TYPE_CHECKING:
    from tfdrop.training.loop import Training


def new_record(training: "Training", folder: Path | None, memory: int) -> Record:
    """Returns the `Record` of a training: in memory, or in a folder, where that of an interrupted run goes on.

    Raises:
        CheckpointError: If the folder holds the record of another training.
        ValueError: If the loss cannot be weighted by samples, or the memory is too small.
    """
    check_loss(training.loss)
    state = read_state(training.model, training.optimizer)
    size = sum(array.nbytes for group in state for array in group)
    gap = spacing(training.epochs, training.steps_per_epoch, size, memory, folder is not None)
    return Record(folder, _key(training), state, gap)


def states_of(training: "Training") -> int:
    """Returns how many states the record of a training has at its end, about: a dispatch may end before it has to."""
    assert training.record is not None
    return training.epochs * math.ceil(training.steps_per_epoch / training.record.gap) + 1


def keep_if_due(training: "Training", upcoming: int) -> None:
    """Keeps a training's state if the record needs it: at the start of each epoch, and as often as memory allows."""
    step, record = training.step, training.record
    if record is not None and (step % training.steps_per_epoch == 0 or record.is_due(step, upcoming)):
        record.keep(step, read_state(training.model, training.optimizer))


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
