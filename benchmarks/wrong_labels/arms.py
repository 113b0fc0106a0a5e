"""The trainings that are compared: without which samples each of them is."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.influence_validity.images import Samples
from benchmarks.replay_validity.trainings import Setup
from benchmarks.wrong_labels.planted import Planted
from benchmarks.wrong_labels.rankings import WITH_A_ZERO
from benchmarks.wrong_labels.trainings import Outcome, tested_without
from tfdrop.checkpoint import Pace, replace

FULL, ORACLE, RANDOM = "nothing dropped", "all wrong ones dropped", "random"
ALL_POSITIVE = ", all positive"
FIRST_TEST_SEED = 1000  # far from the seeds of the trainings that rank
ORDER_OF_RANDOM = 1  # the number of this draw's stream


def dropped_samples(rankings: Mapping[str, np.ndarray], wrong: np.ndarray, count: int, seed: int) -> dict:
    """Returns by the arms' names the indices of the samples that each drops.

    Args:
        rankings: By name, shape `(n,)`, largest first.
        wrong: Which labels are wrong.
        count: How many each ranking drops.
        seed: Seed of the random samples.
    """
    rng = np.random.default_rng((seed, ORDER_OF_RANDOM))
    found = {FULL: np.array([], int), RANDOM: rng.permutation(len(wrong))[:count]}
    if wrong.any():
        found[ORACLE] = np.flatnonzero(wrong)
    for name, scores in rankings.items():
        found[name] = np.argsort(-scores, kind="stable")[:count]
        if name in WITH_A_ZERO:
            found[name + ALL_POSITIVE] = np.flatnonzero(scores > 0)
    return found


def kept_results(
    setup: Setup, samples: Planted, dropped: Mapping[str, np.ndarray], test: Samples, seed: int, path: Path, pace: Pace
) -> dict[str, Outcome]:
    """Returns what each arm came to, read from a file, or trained and kept there.

    Raises:
        OutOfTime: If the pace says so; what was trained is kept.
    """
    kept = json.loads(path.read_text()) if path.exists() else {}

    def save():
        replace(path, lambda partial: partial.write_text(json.dumps(kept)))

    for name, indices in dropped.items():
        if name not in kept:
            kept[name] = tested_without(setup, samples.train, indices, test, FIRST_TEST_SEED + seed)
            print(f"{path.name}: {name}: {kept[name]}", flush=True)
            pace.after_step(save)
    save()
    return {name: Outcome(*kept[name]) for name in dropped}
