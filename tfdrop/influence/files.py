"""Influences in files."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from tfdrop.checkpoint import read_arrays
from tfdrop.influence.replay.result import ReplayInfluence
from tfdrop.influence.scores import Influence
from tfdrop.influence.solvers.solution import numpy_history, restored_history
from tfdrop.influence.solvers.spectrum import Spectrum
from tfdrop.whole_files import read_whole, replace_sealed

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
        DamageError: If the file is damaged.
    """
    return read_whole(path, _read)


def _read(path):
    arrays: dict[str, Any] = dict(read_arrays(path))
    kind = KINDS[arrays.pop(KIND).item()]
    values = {field.name: None for field in fields(kind)} | arrays
    values |= {name: array.item() for name, array in arrays.items() if array.ndim == 0}
    if kind is Influence:
        values |= {"spectrum": Spectrum(*values["spectrum"].tolist())}
        values |= {"history": restored_history(values["history"])}
    return kind(**values)
