"""--max_drop=auto: trainings without some of the samples, measured on validation samples that no score comes from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfdrop.checkpoint import Pace
from tfdrop.data_dropout import CapChoice, choose_cap
from tfdrop.data_dropout.caps import drop_counts
from tfdrop.errors import blaming
from tfdrop.tasks.arm import Arm
from tfdrop.tasks.arms import ArmsRun, Task
from tfdrop.tasks.settings import RunSettings
from tfdrop.tasks.state import finished_arms

ORDER_OF_TRIALS = 7  # the number of the stream of the trials' seeds


def chosen_cap(
    task: Task, settings: RunSettings, first: Arm, folder: Path, scores: str, pace: Pace | None
) -> CapChoice:
    """Trains without some of the samples that the first round finds unfavorable, and chooses how many to drop.

    Args:
        task: The task, whose results have `"held_out"`: a list of what was measured on each sample held out, lower is
            better.
        settings: Its settings.
        first: The arm of the first round, finished.
        folder: Where it is, and where the trials are kept; what an earlier start has finished is not done again.
        scores: Name of the file with the influences.
        pace: When to save and when to stop.

    Raises:
        OutOfTime: If the pace says so; everything is saved.
    """
    done = ArmsRun(task, (first,), folder, scores=scores)
    found = done.influence_scores(first, pace)
    counts = drop_counts(found, threshold=settings.threshold)
    seeds = range(settings.trial_seeds)
    trials = {(count, seed): _trial(settings, first, count, seed) for count in counts for seed in seeds}
    _say_cost(first, len(counts), trials.values(), done.state)
    results = ArmsRun(task, (first, *trials.values()), folder, scores=scores, keep="scored").run(pace)

    def measured(kept: np.ndarray, seed: int) -> list[float]:
        return results[trials[len(found) - len(kept), seed].name]["held_out"]

    with blaming("max_drop", "auto"):
        return choose_cap(found, measured, seeds=settings.trial_seeds, threshold=settings.threshold)


def _trial(settings, first, count, seed):
    own = np.random.SeedSequence(settings.seed, spawn_key=(ORDER_OF_TRIALS, seed)).generate_state(1)[0]
    name = f"trial {seed + 1} without {count}"
    # Whatever it drops, a trial starts from the weights of its seed.
    changed = {"seed": int(own), "same_start": True}
    threshold, weight = settings.threshold, settings.drop_weight
    return Arm(name, changed, round=2, after=first.name, cap=count, threshold=threshold, weight=weight)


def _say_cost(first, candidates, trials, state):
    left = [trial for trial in trials if trial.name not in finished_arms(state)]
    seconds = state.get("timings", {}).get(first.name, {}).get("training", 0.0)
    each = f" of about {seconds:.0f} s, {len(left) * seconds / 60:.0f} min in all" if seconds else ""
    if left:
        print(f"Choosing how many to drop: {candidates} numbers of samples, {len(left)} trainings{each}", flush=True)


def choice_result(choice: CapChoice) -> dict[str, Any]:
    """Returns a choice as plain values, for a run's result."""
    return {
        "dropped": list(choice.dropped),
        "held_out": choice.values.tolist(),
        "standard_error": choice.standard_error,
        "cap": choice.cap,
    }


def choice_lines(found: Mapping[str, Any], what: str, digits: int) -> list[str]:
    """Returns the lines of a report about how many samples were dropped, and why.

    Args:
        found: A `choice_result`.
        what: What was measured, and on what.
        digits: Digits after the point.

    >>> found = {"dropped": [0, 5], "held_out": [[0.3, 0.5], [0.2, 0.4]], "standard_error": 0.01, "cap": 5}
    >>> print(*choice_lines(found, "Brier score", 2), sep="\\n")
    How many to drop: Brier score, mean of 2 trainings; standard error of a difference 0.01
      none: 0.40
      5: 0.30, -0.10
      Chosen: 5, the fewest that help and are within a standard error of the best.
    """
    means = np.mean(found["held_out"], axis=1)
    lines = [
        f"How many to drop: {what}, mean of {len(found['held_out'][0])} trainings; standard error of a difference "
        f"{found['standard_error']:.{digits}f}",
        f"  none: {means[0]:.{digits}f}",
    ]
    for dropped, mean in zip(found["dropped"][1:], means[1:], strict=True):
        lines.append(f"  {dropped}: {mean:.{digits}f}, {mean - means[0]:+.{digits}f}")
    if found["cap"]:
        return [*lines, f"  Chosen: {found['cap']}, the fewest that help and are within a standard error of the best."]
    return [*lines, "  No evidence that any number helps: none is chosen."]
