"""Does dropping help? Networks trained without the samples that each ranking puts first, and without random ones."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.influence_validity.images import Images, Samples
from benchmarks.replay_validity.trainings import Setup, trained
from tfdrop.checkpoint import Pace, replace
from tfdrop.comparison import paired_difference
from tfdrop.errors import UserError

SHARES = flags.DEFINE_list("drop_shares", ["0.03", "0.1", "0.3"], "Shares of the samples to drop, beside all positive.")
SCORING_SEEDS = flags.DEFINE_list("scoring_seeds", ["100", "101", "102"], "Seeds of the trainings that rank.")
EQUAL_STEPS = flags.DEFINE_bool(
    "equal_steps", False, "Train on fewer samples for more epochs, so that all trainings take about as many steps."
)
DROPPED_WEIGHT = flags.DEFINE_float(
    "dropped_weight", 0.0, "Instead of dropping samples, train on all of them and multiply the losses of these by this."
)
TEST_SEEDS = flags.DEFINE_list("test_seeds", list(map(str, range(5))), "Seeds of the trainings without the samples.")

INFLUENCES = ("replay", "replay, last half", "influence, Hessian", "influence, Gauss-Newton")
SIMPLE = ("training loss", "gradient norm")


@dataclasses.dataclass(frozen=True)
class Arm:
    """Samples that are left out.

    Attributes:
        ranking: What chose them.
        share: Which of them: a share of all samples, "all positive" or "none".
        dropped: Their indices; None if each training seed draws its own.
        count: How many they are.
    """

    ranking: str
    share: str
    dropped: np.ndarray | None
    count: int

    @property
    def name(self) -> str:
        return f"{self.ranking}, {self.count}"


def headings(setup: Setup) -> list[str]:
    kinds = ("dropping", "dropping, as many steps", "samples that weigh less")
    return [f"## {setup.title}: {kind}" for kind in kinds]


def n() -> str:
    return f"{len(TEST_SEEDS.value)} test seeds; rankings averaged over {len(SCORING_SEEDS.value)} other seeds"


def section(setup: Setup, images: Images, train: Samples, folder: Path, pace: Pace) -> list[str]:
    """Returns the lines of the part's section; what was trained before is read from the folder."""
    if EQUAL_STEPS.value and DROPPED_WEIGHT.value:
        raise UserError("--dropped_weight: all samples are trained on, so there are always --equal_steps")
    rankings = _rankings(setup, train, images.validation, folder)
    arms = list(_arms(rankings, len(train[0])))
    weight = f"_weight{DROPPED_WEIGHT.value:g}" if DROPPED_WEIGHT.value else ""
    name = "dropping_equal_steps.json" if EQUAL_STEPS.value else f"dropping{weight}.json"
    results = _Results(folder / name, setup, train, images.test)
    seeds = list(map(int, TEST_SEEDS.value))
    for seed in seeds:
        for arm in arms:
            results.find(arm, seed, pace)
    results.save()
    text = (
        f"{images.name}, {setup.description(train, images.validation)} Each ranking is the mean over "
        f"{len(SCORING_SEEDS.value)} trainings on all samples; the networks of the table were trained from "
        f"{len(seeds)} other seeds without the samples that it puts first, and tested on {len(images.test[0])} "
        "images that no ranking saw. Differences are paired by seed, with the 95 % interval of Student's t; random "
        "samples are drawn anew for each seed. Positive: the score says that leaving the sample out lowers the "
        "measure. Training loss and gradient norm: the largest first."
        + " Trainings on fewer samples have more epochs, so that all take about as many steps." * EQUAL_STEPS.value
        + f" The samples are not left out here: their losses are multiplied by {DROPPED_WEIGHT.value:g}." * bool(weight)
    )
    never = Pace(seconds=float("inf"))
    found = {arm.name: np.array([results.find(arm, seed, never) for seed in seeds]) for arm in arms}
    scale = np.array([1 / len(images.test[0]), 100 / len(images.test[0])])
    errors_and_losses = {arm: (rows[:, [0, 2]] * scale)[:, ::-1] for arm, rows in found.items()}
    return [headings(setup)[2 if weight else EQUAL_STEPS.value], "", text, "", *_table(arms, errors_and_losses)]


def _rankings(setup, train, validation, folder):
    """Returns scores by name, shape `(n,)`: the largest are to be dropped first."""
    from benchmarks.replay_validity.predictions import kept_predictions

    each = [kept_predictions(setup, train, validation, int(seed), folder) for seed in SCORING_SEEDS.value]
    means = {title: np.mean([effects[title] for effects in each], axis=0) for title in each[0]}
    found = {
        f"{title}, {measure}": -means[title][:, column]
        for title in INFLUENCES
        for column, measure in enumerate(setup.measures.values())
    }
    return found | {title: means[title][:, 0] for title in SIMPLE}


def _arms(rankings, samples) -> Iterable[Arm]:
    yield Arm("nothing dropped", "none", np.array([], int), 0)
    counts = {}
    for ranking, scores in rankings.items():
        worst = np.argsort(-scores, kind="stable")
        if ranking not in SIMPLE:
            counts["all positive"] = int(np.sum(scores > 0))
        for share in SHARES.value:
            counts[share] = round(float(share) * samples)
        for share, count in counts.items():
            yield Arm("random", share, None, count)
            yield Arm(ranking, share, worst[:count], count)
        counts = {}


class _Results:
    """Test loss and error of each arm and seed, kept in a file."""

    def __init__(self, path: Path, setup: Setup, train: Samples, test: Samples):
        self._path, self._setup, self._train, self._test = path, setup, train, test
        self._found: dict[str, list[float]] = json.loads(path.read_text()) if path.exists() else {}

    def find(self, arm: Arm, seed: int, pace: Pace) -> list[float]:
        """Returns what `measured` finds on the test images; trains if that is not known.

        Raises:
            OutOfTime: If the pace says so; what was trained is kept.
        """
        key = f"{arm.name}, seed {seed}"
        if key not in self._found:
            self._found[key] = self._trained(arm, seed)
            print(f"{len(self._found)}: {key}: {self._found[key]}", flush=True)
            pace.after_step(self.save)
        return self._found[key]

    def save(self) -> None:
        replace(self._path, lambda partial: partial.write_text(json.dumps(self._found)))

    def _trained(self, arm, seed):
        x, y = self._train
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(arm.count,)))
        dropped = rng.permutation(len(x))[: arm.count] if arm.dropped is None else arm.dropped
        kept = np.setdiff1d(np.arange(len(x)), dropped)
        setup, sample_weights = self._setup, None
        if DROPPED_WEIGHT.value:
            sample_weights, kept = np.ones(len(x)), np.arange(len(x))
            sample_weights[dropped] = DROPPED_WEIGHT.value
        if EQUAL_STEPS.value:
            setup = dataclasses.replace(setup, epochs=round(setup.epochs * len(x) / len(kept)))
        return setup.measured(trained(setup, (x[kept], y[kept]), seed, sample_weights), self._test)


def _table(arms: list[Arm], found: Mapping[str, np.ndarray]) -> list[str]:
    """Returns the table of mean test errors (per cent) and losses, from arrays `(seeds, 2)` by the arms' names."""
    nothing = found[arms[0].name]
    rows = []
    for arm in {arm.name: arm for arm in arms}.values():
        own, random = found[arm.name], found.get(f"random, {arm.count}")
        cells = [arm.ranking, f"{arm.count}, all positive" if arm.share == "all positive" else f"{arm.count}"]
        for column, digits in enumerate((1, 3)):
            cells.append(f"{own[:, column].mean():.{digits}f}")
            for other in (random, nothing):
                if other is None or other is own:
                    cells.append("")
                else:
                    cells.append(paired_difference(own[:, column], other[:, column]).text(digits))
        rows.append(cells)
    differences = ["minus random", "minus nothing dropped"]
    return pages.table(["ranking", "dropped", "test error, %", *differences, "test loss", *differences], rows)
