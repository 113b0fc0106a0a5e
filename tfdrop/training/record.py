"""The states that a training went through: what walking it backwards needs.

States are kept in memory or in a folder. Where not all of them fit, every so many steps one is kept, and those between
two of them are computed again, each once.
"""

import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tfdrop.training.rates import Rates
from tfdrop.training.step_function import State
from tfdrop.whole_files import CheckpointError, DamageError, replace

ABOUT, RATES = "record.json", "rates.txt"
DISK_TO_MEMORY = 10  # a folder may take so many times what the memory may


def states_kept(steps: int, gap: int) -> int:
    """Returns how many states are kept of a training at a number of steps from one to the next: the last one, too."""
    return math.ceil(steps / gap) + 1


def spacing(steps: int, state_bytes: int, memory: int, on_disk: bool) -> int:
    """Returns the number of steps from one kept state to the next: the fewest that the memory allows.

    The kept states and those that are computed again at a time, or in a folder these alone, must fit into the memory.

    Args:
        steps: Steps of the training.
        state_bytes: Size of a state.
        memory: Bytes that may be taken.
        on_disk: Whether the states are kept in a folder, which may take ten times as much.

    Raises:
        ValueError: If there is no such number.

    >>> spacing(1000, 1, memory=2000, on_disk=False), spacing(1000, 1, 200, False), spacing(1000, 1, 30, True)
    (1, 6, 4)
    """
    least = math.inf
    for gap in range(1, steps + 1):
        kept, again = states_kept(steps, gap), 0 if gap == 1 else gap
        needed = max(again, math.ceil(kept / DISK_TO_MEMORY)) if on_disk else kept + again
        if needed <= memory // state_bytes:
            return gap
        least = min(least, needed)
    raise ValueError(
        f"Invalid value received for argument `memory`. Expected at least {least * state_bytes} bytes for {steps} "
        f"steps with states of {state_bytes} bytes"
        f"{'' if on_disk else ', or a folder as `record`'}. Received: memory={memory}"
    )


class Record:
    """States of one training, by the number of steps that were taken before.

    Args:
        folder: Where to keep them; `None` for memory.
        key: Text that says what the training depends on; a folder of another is refused.
        template: A state of the training, for the shapes and types.
        gap: Steps from one kept state to the next.

    Attributes:
        key: The key.
        verdict: How the training's steps can be walked back, plain values; `None` as long as nobody has found out.
        gap: Steps from one kept state to the next.
        folder: Where they are kept; `None` for memory.

    Raises:
        CheckpointError: If the folder holds the record of another training.
    """

    def __init__(self, folder: Path | None, key: str, template: State, gap: int):
        self.gap = gap
        self.key = key
        self.verdict: dict[str, Any] | None = None
        self._rates = Rates(None if folder is None else folder / RATES)
        self.folder = folder
        self._template = template
        self._states: dict[int, State | None] = {}
        if folder is not None:
            self._open(folder)

    @property
    def steps(self) -> list[int]:
        """The steps whose states are kept."""
        return sorted(self._states)

    @property
    def on_disk(self) -> bool:
        """Whether the states are in a folder."""
        return self.folder is not None

    @property
    def state_bytes(self) -> int:
        """Size of a state."""
        return sum(array.nbytes for array in _arrays(self._template))

    def note(self, verdict: dict[str, Any]) -> None:
        """Keeps how the training's steps can be walked back."""
        self.verdict = verdict
        if self.folder is not None:
            content = json.dumps({"key": self.key, "gap": self.gap, "verdict": verdict})
            replace(self.folder / ABOUT, lambda partial: partial.write_text(content))

    def note_rate(self, step: int, rate: float) -> None:
        """Keeps the learning rate from a step on: a state that is computed again has it only if nobody changed it.

        Later states, which an interrupted run kept, are of no use any more if that is another rate.
        """
        if self._rates.is_new(step, rate):
            self._forget_after(step)
            self._rates.note(step, rate)

    def rate(self, step: int) -> float | None:
        """Returns the learning rate of a step, `None` if it was not noted."""
        return self._rates.of(step)

    def keep(self, step: int, state: State) -> None:
        """Keeps the state before a step; what was kept of later ones by an interrupted run is of no use any more."""
        self._forget_after(step)
        if self.folder is None:
            self._states[step] = state
            return
        content = b"".join(array.tobytes() for array in _arrays(state))
        content = zlib.crc32(content).to_bytes(4, "little") + content
        # There may be thousands; each has a checksum, and a training whose record is damaged is taken again.
        replace(self._path(step), lambda partial: partial.write_bytes(content), flush=False)
        self._states[step] = None

    def state(self, step: int) -> State:
        """Returns a kept state.

        Raises:
            CheckpointError: If its file is damaged.
        """
        state = self._states[step]
        return self._read(self._path(step)) if state is None else state

    def _open(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        about = folder / ABOUT
        states = [int(path.stem.removeprefix("state_")) for path in folder.glob("state_*.bin")]
        if about.exists():
            try:
                found = json.loads(about.read_text())
                key, gap, self.verdict = found["key"], found["gap"], found["verdict"]
            except (ValueError, KeyError):
                raise DamageError(f"record {folder} is damaged") from None
            if (key, gap) != (self.key, self.gap):
                raise CheckpointError(f"record {folder} is of another training")
        elif states:
            raise DamageError(f"record {folder} is damaged: {ABOUT} is missing")
        self._states = dict.fromkeys(states)

    def _forget_after(self, step):
        for later in [each for each in self._states if each > step]:
            self._states.pop(later)
            if self.folder is not None:
                self._path(later).unlink(missing_ok=True)

    def _path(self, step):
        assert self.folder is not None
        return self.folder / f"state_{step:08d}.bin"

    def _read(self, path):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DamageError(f"record {path} cannot be read") from error
        sizes = [array.nbytes for array in _arrays(self._template)]
        if len(content) != 4 + sum(sizes) or zlib.crc32(content[4:]) != int.from_bytes(content[:4], "little"):
            raise DamageError(f"record {path} is damaged")
        parts, start = [], 4
        for array in _arrays(self._template):
            part = np.frombuffer(content, array.dtype, array.size, start).reshape(array.shape)
            parts.append(part)
            start += array.nbytes
        groups = iter(parts)
        return State(*([next(groups) for _ in group] for group in self._template))


def _arrays(state):
    return [array for group in state for array in group]
