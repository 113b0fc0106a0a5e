"""A program's run: its rounds, and the controls that tell what dropping did and what else did."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras

from tfdrop.checkpoint import Pace
from tfdrop.tasks.arm import FULL, RANDOM, Arm, round_name
from tfdrop.tasks.arms import ArmsRun, Task
from tfdrop.tasks.cap_choice import chosen_cap
from tfdrop.tasks.ranking import INFLUENCE_RANKING
from tfdrop.tasks.settings import RunSettings
from tfdrop.tasks.starts import STARTS
from tfdrop.tasks.state import STATE
from tfdrop.whole_files import previous

TRIALS = "choosing how many to drop"
SCORES = "influence_scores.npz"  # until the table of them is written
# What a run needs no more once its result is written: all of it is in that and in influence.npz.
OF_A_RUNNING_ONE = (STATE, previous(STATE).name, SCORES, STARTS.format("*"))


class RoundsRun(NamedTuple):
    """A finished run of rounds and controls.

    Attributes:
        arms: The arms of the rounds.
        done: Its `ArmsRun`.
        results: The results of rounds and controls by name, the rounds first. Where nothing was dropped, the last
            round is its own random control: so that every seed has all trainings, and they can be compared.
        seconds: How long the steps of each took; all trainings that chose how many to drop are one.
        choice: How many samples to drop, and why, as `chosen_cap` has it; `None` where the settings say it.
    """

    arms: tuple[Arm, ...]
    done: ArmsRun
    results: dict[str, dict]
    seconds: dict[str, dict[str, float]]
    choice: dict[str, Any] | None

    def network(self, name: str) -> keras.Model:
        """Returns the network of a training, without optimizer and loss."""
        trained = next(other for other, result in self.results.items() if result is self.results[name])
        return keras.saving.load_model(self.done.model_path(trained), compile=False)


def rounds(settings: RunSettings, cap: float | int | None, ranking: str = "") -> tuple[Arm, ...]:
    """Returns the arms of the rounds, each on what the one before left.

    Args:
        settings: The run's settings.
        cap: Most samples that a round drops.
        ranking: Which ranking says which, where the settings leave that to trials.
    """
    last = settings.rounds
    return tuple(
        Arm(
            round_name(number),
            round=number,
            after=round_name(number - 1) if number > 1 else "",
            cap=cap,
            ranking=ranking if number > 1 else "",
            threshold=settings.threshold_of(ranking),
            weight=settings.drop_weight,
            counted=number < last or settings.count_last,
        )
        for number in range(1, last + 1)
    )


def controls(settings: RunSettings, last: Arm, results: Mapping[str, dict], rounds_differ: bool) -> tuple[Arm, ...]:
    """Returns the controls that tell something new.

    Args:
        settings: The run's settings.
        last: The arm of the last round.
        results: The results of its rounds, by name.
        rounds_differ: Whether the last round's settings differ from the first's; where they do not, round 1 is the
            control on the full set.
    """
    if not settings.controls or last.round == 1:
        return ()
    arms = [Arm(FULL, round=last.round)] if rounds_differ else []
    if results[last.name]["dropped"]:
        arms.append(last._replace(name=RANDOM, random=True, counted=False))
    return tuple(arms)


def run_rounds(
    task: Task,
    settings: RunSettings,
    folder: Path,
    rounds_differ: bool,
    pace: Pace | None = None,
    more: tuple[Arm, ...] = (),
) -> RoundsRun:
    """Trains the rounds, and then the controls that the rounds give reason for.

    Args:
        task: The task.
        settings: Its settings.
        folder: Where everything is kept; what an earlier start has finished is not done again.
        rounds_differ: As for `controls`.
        pace: When to save and when to stop.
        more: Further arms, after those.

    Raises:
        OutOfTime: If the pace says so; everything is saved.
    """
    choice, arms = None, rounds(settings, settings.cap)
    if settings.chooses_cap:
        choice = chosen_cap(task, settings, arms[0], folder, SCORES, pace)
        arms = rounds(settings, choice["cap"], choice.get("ranking", ""))
    results = ArmsRun(task, arms, folder, scores=SCORES).run(pace)
    others = controls(settings, arms[-1], results, rounds_differ) + more
    done = ArmsRun(task, arms + others, folder, scores=SCORES)
    results = done.run(pace)
    results = {arm.name: results[arm.name] for arm in arms + others}
    if ranking := done.ranking(arms[0]):
        results[arms[0].name] |= {"influence": results[arms[0].name]["rankings"][ranking]}
    if settings.controls and settings.rounds > 1:
        results.setdefault(RANDOM, results[arms[-1].name])
    return RoundsRun(arms, done, results, _seconds(done, results), choice)


def score_seeds(task: Task, settings: RunSettings, folder: Path, seeds: Sequence[int], pace: Pace | None) -> None:
    """Does a slice of a run's scoring: the replays of round 1 from some seeds, which the run then finds in its folder.

    Raises:
        OutOfTime: If the pace says so; everything is saved.
        UserError: If another process is at work on a seed.
    """
    first = rounds(settings, settings.cap)[0]
    ranking = INFLUENCE_RANKING if INFLUENCE_RANKING in settings.tried_rankings else ""
    ArmsRun(task, (first,), folder, scores=SCORES).score_seeds(first, seeds, pace, ranking)


def _seconds(done, results):
    """Returns the time of each arm's steps, with that of all others as one."""
    timings = done.state.get("timings", {})
    found = {name: steps for name, steps in timings.items() if name in results}
    trials = sum(steps.get("training", 0.0) for name, steps in timings.items() if name not in results)
    return found | ({TRIALS: {"training": trials}} if trials else {})
