"""The folder of a run: nothing in it is overwritten by another run, and no file in it is ever half written."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tfdrop.checkpoint import PARTIAL, replace
from tfdrop.errors import UserError
from tfdrop.tasks.fields import values_before
from tfdrop.tasks.former_names import Former, renamed
from tfdrop.tasks.lock import LOCK

SETTINGS = "settings.json"
RESULT = "result.json"
REPORT = "report.html"
NOT_COMPARED = {"workdir", "in_memory"}  # the same run, wherever its images are
NO_NAMES: Former = MappingProxyType({})


class Workdir:
    """A folder that belongs to one run, named by its settings.

    Args:
        path: The folder, made if it is not there.
        settings: The run's settings, a dataclass with a field `workdir`.
        inputs: Fingerprints of what the run reads, a dictionary of texts.
        former: Former names of settings (`tfdrop.tasks.former_names`), which a folder of an earlier release has.

    Raises:
        UserError: If the folder holds a run with other settings, or other things.
    """

    def __init__(self, path: str | Path, settings: Any, inputs: dict[str, str], former: Former = NO_NAMES):
        self.path = Path(path).expanduser()
        wanted = dataclasses.asdict(settings) | {"workdir": str(path), "inputs": inputs}
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if (self.path / SETTINGS).exists():
                self._compare(self.read_json(SETTINGS), wanted, type(settings), former)
            elif any(not entry.name.startswith((PARTIAL, LOCK)) for entry in self.path.iterdir()):
                raise UserError(f"--workdir={path}: the folder is not empty and holds no run")
            else:
                self.write_json(SETTINGS, wanted)
        except (OSError, ValueError) as error:
            raise UserError(f"--workdir={path}: {error}") from error

    def _compare(self, there, wanted, kind, former):
        if not isinstance(there, dict):
            raise ValueError(f"{SETTINGS} is damaged")
        # A setting that came later is, in an older folder, what it then was, or else what it is by default.
        there = dataclasses.asdict(kind()) | values_before(kind) | renamed(there, former)
        names = sorted((there.keys() | wanted.keys()) - NOT_COMPARED)
        other = [
            f"{name} is {there.get(name)!r} there, {wanted.get(name)!r} here"
            for name in names
            if there.get(name) != wanted.get(name)
        ]
        if other:
            raise UserError(f"--workdir={self.path}: holds a run with other flags ({'; '.join(other)})")

    def exists(self, name: str) -> bool:
        """Tells whether a file is there, whole."""
        return (self.path / name).exists()

    def write(self, name: str, save: Callable[[Path], Any]) -> None:
        """Has `save(path)` write a file and puts it in place once it is whole."""
        replace(self.path / name, save)

    def remove(self, *names: str) -> None:
        """Removes the files of some names, those in the folders of seeds included."""
        for name in names:
            for path in [*self.path.glob(name), *self.path.glob(f"*/{name}")]:
                path.unlink()

    def write_json(self, name: str, value: Any) -> None:
        self.write(name, lambda path: path.write_text(json.dumps(value, indent=1) + "\n"))

    def read_json(self, name: str) -> Any:
        """Returns the values in a file.

        Raises:
            UserError: If it is damaged.
        """
        try:
            return json.loads((self.path / name).read_text())
        except ValueError as error:
            raise UserError(f"{self.path / name} is damaged") from error
