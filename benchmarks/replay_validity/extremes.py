"""What holds for random subsets beside what data dropout does: it takes those that come first, all together."""

import json
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.influence_validity.images import Images, Samples
from benchmarks.replay_validity.predictions import kept_predictions
from benchmarks.replay_validity.trainings import Setup, trained
from tfdrop.checkpoint import Pace, replace
from tfdrop.comparison import paired_difference

SEEDS = flags.DEFINE_list("extreme_seeds", ["100", "101", "102"], "Seeds of the trainings that are asked and repeated.")
FIRST = flags.DEFINE_list("first", ["10", "60", "200"], "How many samples that come first are given other weights.")
WEIGHTS = flags.DEFINE_list("weights", ["0", "0.8"], "The weights; 0 leaves them out.")

TITLES = tuple(Setup.measures.values())


def headings(setup: Setup) -> list[str]:
    return [f"## {setup.title}: the samples that come first"]


def n() -> str:
    return f"{len(SEEDS.value)} seeds"


def section(setup: Setup, images: Images, train: Samples, folder: Path, pace: Pace) -> list[str]:
    """Returns the lines of the part's section; what was trained before is read from the folder."""
    path = folder / "extremes.json"
    found: dict[str, list[float]] = json.loads(path.read_text()) if path.exists() else {}
    predicted: dict[str, float] = {}
    for seed in map(int, SEEDS.value):
        effects = kept_predictions(setup, train, images.validation, seed, folder)["replay"]
        for key, weights, foretold in _weighings(effects, seed):
            predicted[key] = foretold
            if key not in found:
                network = trained(setup, train, seed, weights)
                found[key] = setup.measured(network, images.validation) + setup.measured(network, images.test)
                print(f"{len(found)}: {key}: {found[key]}", flush=True)
                pace.after_step(lambda: _save(path, found))
    _save(path, found)
    text = (
        f"{images.name}, {setup.description(train, images.validation)} The samples that replay puts first are given "
        f"another weight together, in the very training that was replayed ({len(SEEDS.value)} seeds), and the measure "
        "that they were ranked by, summed over the validation set, changes by what replay predicts and by what is "
        "found. The test set's changes are those of means, with the 95 % interval of Student's t over the seeds; it "
        f"has {len(images.test[0])} images that no ranking saw. Random samples are drawn anew for each seed."
    )
    return [*headings(setup), "", text, "", *_table(predicted, found, len(images.test[0]))]


def _weighings(effects, seed):
    """Yields a name, weights of all samples, and the change of the measure that is predicted (nan where none is)."""
    yield _key("all as they are", 0, 1.0, seed), np.ones(len(effects)), 0.0
    rng = np.random.default_rng(seed)
    orders = {title: np.argsort(effects[:, column], kind="stable") for column, title in enumerate(TITLES)}
    for first in map(int, FIRST.value):
        orders["random"] = rng.permutation(len(effects))
        for weight in map(float, WEIGHTS.value):
            for column, (ranking, order) in enumerate(orders.items()):
                weights = np.ones(len(effects))
                weights[order[:first]] = weight
                own = ranking != "random"
                foretold = float((1 - weights) @ effects[:, column]) if own else float("nan")
                yield _key(ranking, first, weight, seed), weights, foretold


def _key(ranking, first, weight, seed):
    return f"{ranking}, {first}, {weight:g}, seed {seed}"


def _save(path, found):
    replace(path, lambda partial: partial.write_text(json.dumps(found)))


def _table(predicted, found, tested):
    seeds = list(map(int, SEEDS.value))
    base = np.array([found[_key("all as they are", 0, 1.0, seed)] for seed in seeds])
    header = ["ranked by", "first", "weight", "predicted", "found", "test error, %", "test loss"]
    rows = []
    names = [*TITLES, "random"]
    for ranking in names:
        for first in map(int, FIRST.value):
            for weight in map(float, WEIGHTS.value):
                keys = [_key(ranking, first, weight, seed) for seed in seeds]
                values = np.array([found[key] for key in keys])
                own = ranking != "random"
                column = names.index(ranking) if own else 0
                change = (values - base)[:, column].mean()
                rows.append(
                    [
                        ranking,
                        str(first),
                        f"{weight:g}",
                        f"{np.mean([predicted[key] for key in keys]):+.1f}" if own else "",
                        f"{change:+.1f}" if own else "",
                        paired_difference(100 / tested * values[:, 5], 100 / tested * base[:, 5]).text(2),
                        paired_difference(values[:, 3] / tested, base[:, 3] / tested).text(4),
                    ]
                )
    return pages.table(header, rows)
