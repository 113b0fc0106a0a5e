"""--max_drop=auto: trainings without some of the samples, measured on validation samples that no score comes from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfdrop.checkpoint import Pace
from tfdrop.data_dropout import CapChoice
from tfdrop.data_dropout.caps import choose_candidate, drop_counts
from tfdrop.errors import blaming
from tfdrop.tasks.arm import Arm
from tfdrop.tasks.arms import ArmsRun, Task
from tfdrop.tasks.settings import RunSettings
from tfdrop.tasks.state import finished_arms

ORDER_OF_TRIALS = 7  # the number of the stream of the trials' seeds


def chosen_cap(
    task: Task, settings: RunSettings, first: Arm, folder: Path, scores: str, pace: Pace | None
) -> dict[str, Any]:
    """Trains without some of the samples that the first round finds unfavorable, and chooses how many to drop.

    Args:
        task: The task, whose results have `"held_out"`: a list of what was measured on each sample held out, lower is
            better.
        settings: Its settings.
        first: The arm of the first round.
        folder: Where it is, and where the trials are kept; what an earlier start has finished is not done again.
        scores: Name of the file with the influences.
        pace: When to save and when to stop.

    Returns:
        The choice as plain values, for a run's result: the fields of a `CapChoice` and its `cap`. Where the settings
        try several rankings, also `"rankings"`, that of each candidate, and `"ranking"`, the chosen one.

    Raises:
        OutOfTime: If the pace says so; everything is saved.
    """
    done = ArmsRun(task, (first,), folder, scores=scores)
    done.run(pace, score=False)
    candidates = [Candidate(0, settings.tried_rankings[0])]
    for ranking in settings.tried_rankings:
        again = ranking != settings.tried_rankings[-1]
        found = done.influence_scores(first, pace, ranking, keep_records=again)
        counts = drop_counts(found, threshold=settings.threshold_of(ranking))
        candidates += [Candidate(count, ranking) for count in counts if count]
    candidates.sort(key=lambda candidate: candidate.dropped)
    seeds = range(settings.trial_seeds)
    trials = {(candidate, seed): _trial(settings, first, candidate, seed) for candidate in candidates for seed in seeds}
    _say_cost(first, len(candidates), trials.values(), done.state)
    results = ArmsRun(task, (first, *trials.values()), folder, scores=scores, keep="scored").run(pace)

    def measured(at: int, seed: int) -> list[float]:
        return results[trials[candidates[at], seed].name]["held_out"]

    with blaming("max_drop", "auto"):
        choice = choose_candidate([each.dropped for each in candidates], measured, settings.trial_seeds)
    return _as_result(choice, candidates if len(settings.tried_rankings) > 1 else ())


class Candidate(NamedTuple):
    """How many samples to drop, by which ranking."""

    dropped: int
    ranking: str


def _as_result(choice: CapChoice, candidates: Sequence[Candidate]) -> dict[str, Any]:
    found = {
        "dropped": list(choice.dropped),
        "held_out": choice.values.tolist(),
        "standard_error": choice.standard_error,
        "least_gain": choice.least_gain,
        "cap": choice.cap,
    }
    if candidates:
        found |= {"rankings": [each.ranking for each in candidates], "ranking": candidates[choice.chosen].ranking}
    return found


def _trial(settings, first, candidate, seed):
    count, ranking = candidate
    own = np.random.SeedSequence(settings.seed, spawn_key=(ORDER_OF_TRIALS, seed)).generate_state(1)[0]
    by = f" by {ranking}" if ranking and count else ""
    name = f"trial {seed + 1} without {count}{by}"
    # Whatever it drops, a trial starts from the weights of its seed.
    changed = {"seed": int(own), "same_start": True}
    return Arm(
        name,
        changed,
        round=2,
        after=first.name,
        cap=count,
        ranking=ranking,
        threshold=settings.threshold_of(ranking),
        weight=settings.drop_weight,
    )


def _say_cost(first, candidates, trials, state):
    left = [trial for trial in trials if trial.name not in finished_arms(state)]
    seconds = state.get("timings", {}).get(first.name, {}).get("training", 0.0)
    each = f" of about {seconds:.0f} s, {len(left) * seconds / 60:.0f} min in all" if seconds else ""
    if left:
        print(f"Choosing how many to drop: {candidates} candidates, {len(left)} trainings{each}", flush=True)
