"""The trainings that are compared: without which samples each of them is."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfdrop.checkpoint import Pace, replace

FULL, ORACLE, RANDOM = "nothing dropped", "all wrong ones dropped", "random"
ALL_POSITIVE = ", all positive"
FIRST_TEST_SEED = 1000  # far from the seeds of the trainings that rank
ORDER_OF_RANDOM = 1  # the number of this draw's stream


def dropped_samples(
    rankings: Mapping[str, np.ndarray], wrong: np.ndarray, count: int, seed: int, with_a_zero: Collection[str]
) -> dict[str, np.ndarray]:
    """Returns by the arms' names the indices of the samples that each drops.

    Args:
        rankings: By name, shape `(n,)`, largest first.
        wrong: Which samples are wrong.
        count: How many each ranking drops.
        seed: Seed of the random samples.
        with_a_zero: Names of the rankings of which all that are positive are dropped, too.
    """
    rng = np.random.default_rng((seed, ORDER_OF_RANDOM))
    found = {FULL: np.array([], int), RANDOM: rng.permutation(len(wrong))[:count]}
    if wrong.any():
        found[ORACLE] = np.flatnonzero(wrong)
    for name, scores in rankings.items():
        found[name] = np.argsort(-scores, kind="stable")[:count]
        if name in with_a_zero:
            found[name + ALL_POSITIVE] = np.flatnonzero(scores > 0)
    return found


def listed(found: Sequence[tuple], value: Callable[[str], float]) -> list[tuple[str, str]]:
    """Returns the arms' names in the order of a table, each with how many samples it drops, as a text.

    Args:
        found: For each repetition three things and what the arms came to, by name; the third is what each drops.
        value: Function from the name of an arm to a number, the lowest first among the rankings.
    """
    names = list(found[0][3])
    order = [name for name in (FULL, ORACLE, RANDOM) if name in names]
    order += sorted((name for name in names if name not in order), key=value)
    sizes = {name: [len(each[2][name]) for each in found] for name in order}
    return [(name, f"{min(of)}" if min(of) == max(of) else f"{min(of)} to {max(of)}") for name, of in sizes.items()]


def kept_rankings(path: Path, find: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Returns the rankings by name, shape `(n,)`, largest to be dropped first; read from a file, or found and kept."""
    if not path.exists():
        found: dict[str, Any] = dict(find())
        replace(path, lambda partial: np.savez(partial, **found))
        print(f"{path.name}: written", flush=True)
    with np.load(path) as kept:
        return dict(kept)


def kept_results(dropped: Mapping[str, Any], tested: Callable[[Any], Any], path: Path, pace: Pace) -> dict[str, Any]:
    """Returns what each arm came to, by its name: read from a file, or trained and kept there.

    Args:
        dropped: By the arms' names the samples that each drops, or what else tells its training.
        tested: Function that trains as one of these says; what it returns, JSON can hold.
        path: The file.
        pace: When to stop.

    Raises:
        OutOfTime: If the pace says so; what was trained is kept.
    """
    kept = json.loads(path.read_text()) if path.exists() else {}

    def save():
        replace(path, lambda partial: partial.write_text(json.dumps(kept)))

    for name, indices in dropped.items():
        if name not in kept:
            kept[name] = tested(indices)
            print(f"{path.name}: {name}: {kept[name]}", flush=True)
            pace.after_step(save)
    save()
    return {name: kept[name] for name in dropped}
