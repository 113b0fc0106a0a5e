"""Influences in files."""

import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from tfdrop.checkpoint import CheckpointError
from tfdrop.influence.replay.result import ReplayInfluence
from tfdrop.influence.scores import Influence
from tfdrop.influence.solvers.solution import numpy_history, restored_history
from tfdrop.influence.solvers.spectrum import Spectrum
from tfdrop.whole_files import check_seal, replace_sealed

KIND = "kind"
KINDS = {kind.__name__: kind for kind in (Influence, ReplayInfluence)}


def save_influence(path: str | Path, found: Influence | ReplayInfluence) -> None:
    """Writes an influence as `.npz`, completely or not at all."""
    values = {field.name: getattr(found, field.name) for field in fields(found)}
    if isinstance(found, Influence):
        values["history"] = numpy_history(found.history)
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in values.items() if value is not None}
    arrays[KIND] = np.array(type(found).__name__)
    replace_sealed(path, lambda partial: np.savez(partial, **arrays))


def load_influence(path: str | Path) -> Influence | ReplayInfluence:
    """Returns what `save_influence` wrote.

    Raises:
        CheckpointError: If the file is damaged.
    """
    check_seal(path)
    try:
        with open(path, "rb") as raw, np.load(raw) as file:
            arrays: dict[str, Any] = {name: file[name] for name in file.files}
        kind = KINDS[arrays.pop(KIND).item()]
        values = {field.name: None for field in fields(kind)} | arrays
        values |= {name: array.item() for name, array in arrays.items() if array.ndim == 0}
        if kind is Influence:
            values |= {"spectrum": Spectrum(*values["spectrum"].tolist())}
            values |= {"history": restored_history(values["history"])}
        return kind(**values)
    except (OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"checkpoint {path} is damaged") from error
