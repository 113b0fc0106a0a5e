"""What finished rounds leave in a folder, so that a run that was interrupted goes on where it was."""

import json
from pathlib import Path
from typing import Any

import keras

from tfdrop.arguments import invalid, wrong_type
from tfdrop.checkpoint import Checkpoint, CheckpointError, replace
from tfdrop.influence import Influence, ReplayInfluence
from tfdrop.influence.files import load_influence, save_influence
from tfdrop.whole_files import forget

ABOUT = "rounds.json"


class RoundsFolder:
    """The models and influences of rounds, each saved as soon as it is there.

    Args:
        path: The folder, made if it is not there; `None` to keep nothing.
        about: What the rounds depend on, plain values by name.

    Raises:
        ValueError: If the folder cannot be made, or holds other things.
        CheckpointError: If it holds rounds that depend on something else.
    """

    def __init__(self, path: str | Path | None, about: dict[str, Any]):
        self._folder = None if path is None else Path(path).expanduser()
        if self._folder is not None:
            self._open(self._folder, about)

    def model(self, number: int) -> keras.Model | None:
        """Returns the model of a round, compiled, or `None` if it is not there.

        Raises:
            CheckpointError: If its file is damaged, or has classes that Keras does not know.
        """
        path = self._path(f"round{number}.keras")
        if path is None or not path.exists():
            return None
        try:
            return keras.saving.load_model(path)
        except Exception as error:  # Keras and the readers of its files raise what they like
            raise CheckpointError(f"checkpoint {path} cannot be loaded: {error}") from error

    def keep_model(self, number: int, model: Any) -> None:
        path = self._path(f"round{number}.keras")
        if path is None:
            return
        if not isinstance(model, keras.Model):
            raise wrong_type("train_model", "a function that returns a Keras model", received=str(type(model)))
        replace(path, model.save)

    def influence(self, number: int) -> Influence | ReplayInfluence | None:
        """Returns the influence that was found after a round, or `None` if it is not there."""
        path = self._path(f"round{number}_influence.npz")
        return load_influence(path) if path is not None and path.exists() else None

    def keep_influence(self, number: int, found: Any) -> None:
        path = self._path(f"round{number}_influence.npz")
        if path is None:
            return
        if not isinstance(found, Influence | ReplayInfluence):
            expected = "a function that returns an Influence or a ReplayInfluence, which can be saved"
            raise wrong_type("influence", expected, received=f"one that returns {type(found)}")
        save_influence(path, found)
        if (unfinished := self.unfinished_influence(number)) is not None:
            forget(unfinished.path)

    def unfinished_influence(self, number: int) -> Checkpoint | None:
        """Returns the checkpoint that finding the influence after a round saves itself in."""
        path = self._path(f"round{number}_unfinished.npz")
        return None if path is None else Checkpoint(path, f"round {number}")

    def _path(self, name):
        return None if self._folder is None else self._folder / name

    def _open(self, folder, about):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            entries = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
        except OSError as error:
            raise invalid("checkpoint", "a folder that can be written", received=str(error)) from error
        if not entries:
            replace(folder / ABOUT, lambda partial: partial.write_text(json.dumps(about, indent=1) + "\n"))
            return
        if ABOUT not in entries:
            raise invalid("checkpoint", "an empty folder, or one of earlier rounds", received=f"{folder} with others")
        try:
            there = json.loads((folder / ABOUT).read_text())
        except ValueError as error:
            raise CheckpointError(f"checkpoint {folder / ABOUT} is damaged") from error
        other = sorted(name for name in about if there.get(name) != about[name])
        if other:
            raise CheckpointError(f"checkpoint {folder} is of other rounds: it differs in {', '.join(other)}")
