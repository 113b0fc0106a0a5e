"""Arms: trainings of one task side by side, each on some of the samples, scored and measured; resumable at every step.

    arms = (
        Arm("round 1"),
        Arm("round 2", round=2, after="round 1", cap=0.03),
        Arm("as many at random", round=2, after="round 1", cap=0.03, random=True),
    )
    ArmsRun(task, arms, folder).run()

Everything that a run needs to go on is in its folder, on this machine or another.
"""

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from tfdrop.checkpoint import Checkpoint, Pace, read_arrays
from tfdrop.data_dropout import Criterion, control_samples
from tfdrop.errors import UserError
from tfdrop.influence import Influence, ReplayInfluence
from tfdrop.tasks.arm import Arm
from tfdrop.tasks.ranking import Ranking
from tfdrop.tasks.score_summary import summary
from tfdrop.tasks.state import finished_arms, noted, open_state, save_state, timed
from tfdrop.training.resumable import CHECKPOINT
from tfdrop.whole_files import DamageError, forget, is_whole, note, read_whole, replace_sealed

INFLUENCE = "influence.npz"
INFLUENCE_CHECKPOINT = "influence_checkpoint.npz"
RECORDS = "records"
BESIDE = ("spread", "harmed")  # what may be known of each sample besides its score


class Task(Protocol):
    """What a run is asked to do: data, a training, an influence, a measure. The tasks are in packages beside this file.

    Attributes:
        samples: Number of training samples.
        unit: What a sample is: `"images"` or `"patches"`.
        seed: Seed of the run.
    """

    samples: int
    unit: str
    seed: int

    def train(
        self,
        arm: Arm,
        samples: np.ndarray,
        folder: Path,
        key: str,
        pace: Any,
        records: Path | None,
        sample_weights: np.ndarray | None,
    ) -> keras.Model:
        """Trains an arm on some samples, going on from the folder's checkpoint; returns the plain network.

        If it will be scored, `records` is where to keep what that needs of the training. `sample_weights` are those of
        these samples, or `None` where each counts fully.
        """

    def influence(
        self, arm: Arm, model: keras.Model, samples: np.ndarray, checkpoint: Checkpoint, records: Path
    ) -> Influence | ReplayInfluence | Ranking:
        """Returns the influence of an arm's samples on the validation measure, or another ranking of them."""

    def score_seeds(
        self, arm: Arm, seeds: Sequence[int], samples: np.ndarray, checkpoint: Checkpoint, records: Path
    ) -> None:
        """Keeps in `records` the part that trainings from some seeds have in an arm's influence by replay."""

    def measure(self, arm: Arm, model: keras.Model, folder: Path, result: dict, after_step: Any) -> None:
        """Adds to an arm's result what was measured, and calls `after_step()` wherever it may be interrupted."""

    def model_file(self, name: str) -> str:
        """Returns the name of the file of an arm's model."""


class ArmsRun:
    """Arms in a folder of their own.

    Args:
        task: A `Task`.
        arms: The arms, in order.
        folder: The folder; made if it is not there.
        name: What the run is called in its state.
        key: Text that says what the run depends on; a folder of another key is refused.
        scores: Name of the file with the influences, an array for each scored arm.
        keep: Which models stay in the folder: `"all"`, `"scored"` or `"none"`.

    Raises:
        UserError: If the folder holds another run.
    """

    def __init__(
        self,
        task: Task,
        arms: Sequence[Arm],
        folder: str | Path,
        name: str = "",
        key: str = "",
        scores: str = INFLUENCE,
        keep: str = "all",
    ):
        self._task = task
        self._arms = {arm.name: arm for arm in arms}
        self._folder = Path(folder)
        self._key = key
        self._scores = self._folder / scores
        self._keep = keep
        self.state = open_state(self._folder, name, key)

    def run(self, pace: Any = None, environment: dict | None = None, score: bool = True) -> dict:
        """Goes on to the end, or until the pace raises `OutOfTime`.

        Args:
            pace: A `tfdrop.checkpoint.Pace`: when to save and when to stop.
            environment: What it runs with and on, a dictionary of plain values to note in the state.
            score: Whether to score the samples of the arms that are counted, as well.

        Returns:
            The results of the arms by name: dictionaries of plain values.
        """
        pace = pace or Pace()
        with noted(self._folder, self.state, environment):
            for arm in self._arms.values():
                if arm.name not in finished_arms(self.state):
                    self._run_arm(arm, pace)
                elif self._keeps(arm) and not is_whole(self.model_path(arm.name)):
                    self.model(arm, pace)
            for arm in self._arms.values():
                if arm.counted and score:
                    self.influence_scores(arm, pace, self.ranking(arm))
                if self._keep == "none" or not self._keeps(arm):
                    self.model_path(arm.name).unlink(missing_ok=True)  # also what a kill left
        return finished_arms(self.state)

    def model_path(self, name: str) -> Path:
        """Returns the path of the model of an arm."""
        return self._folder / self._task.model_file(name)

    def model(self, arm: Arm, pace: Any = None) -> keras.Model:
        """Returns the trained model of an arm; trains it, again where its file is damaged or lost."""
        path = self.model_path(arm.name)
        if path.exists():
            try:
                return read_whole(path, lambda path: keras.saving.load_model(path, compile=False))
            except DamageError as error:
                note(f"{error}; {arm.name} is trained again")
        samples, weights = self._weighed(arm, self.samples(arm, pace))
        return self._trained(arm, samples, weights, pace or Pace())

    def samples(self, arm: Arm, pace: Any = None) -> np.ndarray:
        """Returns the indices of the samples that an arm does not drop; scores the arm that it comes after if need be.

        It trains on these alone, unless the others keep a weight.
        """
        if not arm.after:
            return np.arange(self._task.samples)
        before = self._arms[arm.after]
        samples = self.samples(before, pace)
        criterion = Criterion(threshold=arm.threshold, cap=arm.cap)
        kept = samples[~criterion.unfavorable(self.influence_scores(before, pace, arm.ranking))]
        if len(kept) == 0 and not arm.weight:
            raise UserError(f"{arm.name}: every one of the {len(samples)} samples is unfavorable after {arm.after}")
        if arm.random:
            return control_samples(self._task.samples, len(kept), self._task.seed).random
        return kept

    def influence_scores(self, arm: Arm, pace: Any = None, ranking: str = "", keep_records: bool = False) -> np.ndarray:
        """Returns the influence of every sample that an arm was trained on, computed once.

        Args:
            arm: The arm.
            pace: As `run` takes it.
            ranking: Which ranking, where not that of the settings.
            keep_records: Whether to keep what was kept of the arm's training, for another ranking of its samples.
        """
        scores, name = self._read_scores(), _scores_name(arm, ranking)
        if name not in scores:
            with timed(self.state, arm.name, "influence"):
                found = self._influence(arm, pace, ranking)
            scores[name] = found.scores
            for kind in BESIDE:
                if isinstance(values := getattr(found, kind, None), np.ndarray):
                    scores[f"{name}: {kind}"] = values
            result = self.state["arms"][arm.name]
            if ranking:
                result.setdefault("rankings", {})[ranking] = summary(found)
            else:
                result["influence"] = summary(found)
            save_state(self._folder, self.state)
            replace_sealed(self._scores, lambda partial: np.savez(partial, **scores))
            forget(self._folder / INFLUENCE_CHECKPOINT)
        if not keep_records:
            shutil.rmtree(self._records(arm), ignore_errors=True)
            with contextlib.suppress(OSError):  # if there is one, and no other arm's record in it
                (self._folder / RECORDS).rmdir()
        return scores[name]

    def score_seeds(self, arm: Arm, seeds: Sequence[int], pace: Any = None, ranking: str = "") -> None:
        """Replays trainings from some seeds of an arm that trains on all samples, for the process that scores them."""
        if _scores_name(arm, ranking) not in self._read_scores():
            every, checkpoint = np.arange(self._task.samples), self._checkpoint(arm, ranking, pace)
            self._task.score_seeds(arm, seeds, every, checkpoint, self._records(arm))

    def ranking(self, arm: Arm) -> str:
        """Returns the ranking of an arm's samples that says what the arms after it drop; `""` for the settings'."""
        return next((other.ranking for other in self._arms.values() if other.after == arm.name), "")

    def beside_scores(self, arm: Arm, ranking: str = "") -> dict[str, np.ndarray]:
        """Returns what is known of each sample besides an arm's `influence_scores`, by what it is.

        That is `"spread"`, the standard deviation over several trainings; and `"harmed"`, the validation samples that
        it harms most, as `InfluenceByColumns` has them.
        """
        scores, name = self._read_scores(), _scores_name(arm, ranking)
        return {kind: scores[key] for kind in BESIDE if (key := f"{name}: {kind}") in scores}

    def _read_scores(self):
        """Returns the influences that were computed so far."""
        try:
            return read_whole(self._scores, read_arrays) if self._scores.exists() else {}
        except DamageError as error:
            note(f"{error}; they are computed again")
            return {}

    def _influence(self, arm, pace, ranking):
        model = self.model(arm, pace)
        if ranking:
            arm = arm._replace(settings={**arm.settings, "rank_by": ranking})
        checkpoint = self._checkpoint(arm, ranking, pace)
        return self._task.influence(arm, model, self.samples(arm, pace), checkpoint, self._records(arm))

    def _checkpoint(self, arm, ranking, pace):
        key = f"{self._key} {_scores_name(arm, ranking)}"
        return Checkpoint(self._folder / INFLUENCE_CHECKPOINT, key, pace or Pace())

    def _records(self, arm):
        """Returns the folder with what is kept of an arm's training until its samples are scored."""
        return self._folder / RECORDS / Path(self._task.model_file(arm.name)).stem

    def _run_arm(self, arm, pace):
        kept = self.samples(arm, pace)
        samples, _ = self._weighed(arm, kept)
        if self.model_path(arm.name).exists():
            print(f"{arm.name}: going on from {self.model_path(arm.name)}")
        model = self.model(arm, pace)
        counts = {self._task.unit: len(samples), "dropped": self._task.samples - len(kept)}
        result = self.state["arms"].setdefault(arm.name, {**counts, "influence": None})
        self._task.measure(
            arm, model, self._folder, result, lambda: pace.after_step(lambda: save_state(self._folder, self.state))
        )
        result["finished"] = True
        save_state(self._folder, self.state)
        if self._keep != "all" and not self._is_scored(arm):
            self.model_path(arm.name).unlink()

    def _weighed(self, arm, kept):
        """Returns the samples that an arm trains on, and their weights where they are not all one."""
        if not arm.weight or len(kept) == self._task.samples:
            return kept, None
        weights = np.full(self._task.samples, arm.weight)
        weights[kept] = 1.0
        return np.arange(self._task.samples), weights

    def _is_scored(self, arm):
        return arm.counted or any(other.after == arm.name for other in self._arms.values())

    def _keeps(self, arm):
        """Tells whether the arm's model stays in the folder."""
        return self._keep == "all" or (self._keep == "scored" and self._is_scored(arm))

    def _trained(self, arm, samples, weights, pace):
        """Trains an arm's model; begins again where the record of its training turns out to be damaged."""
        records = self._records(arm) if self._is_scored(arm) else None
        with timed(self.state, arm.name, "training"):
            try:
                model = self._task.train(arm, samples, self._folder, self._key, pace, records, weights)
            except DamageError as error:
                if records is None or not records.exists():
                    raise
                note(f"{error}; {arm.name} begins again")
                shutil.rmtree(records)
                forget(self._folder / CHECKPOINT)
                model = self._task.train(arm, samples, self._folder, self._key, pace, records, weights)
        replace_sealed(self.model_path(arm.name), model.save)
        forget(self._folder / CHECKPOINT)
        return model


def _scores_name(arm, ranking):
    """Returns what the scores of an arm's samples are called in their file."""
    return f"{arm.name} by {ranking}" if ranking else arm.name
