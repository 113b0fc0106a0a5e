"""Replay beside retraining: the linear datamodeling score at several shares left out.

    python -m benchmarks.replay_validity --data_dir=DIR --setup=gelu_cnn
    python -m benchmarks.replay_validity --data_dir=DIR --setup=gelu_cnn --minutes=20   # a slice of it

A model is trained on all samples, and the change of the summed validation measure is predicted for random subsets
that are left out. Then the same training is repeated without each subset: from the same seed, each sample in the same
batch of the same step, those left out with weight 0. The score is Spearman's correlation over the subsets. What the
trainings of other seeds predict for those of `--own_seed` stands beside it.
"""

import time

import numpy as np
from absl import flags
from scipy.stats import spearmanr

from benchmarks import pages
from benchmarks.influence_validity.images import load_images
from benchmarks.influence_validity.lds import interval
from benchmarks.replay_validity.bank import MEASURES, Bank, left_out
from benchmarks.replay_validity.trainings import BATCH_SIZE, MOMENTUM, SETUPS
from tfdrop.checkpoint import Pace
from tfdrop.errors import unknown
from train.program import run

TITLE = "# What replay predicts, and what retraining finds\n"
HEADINGS = [f"## {setup.title}" for setup in SETUPS.values()]
TITLES = {"loss": "cross-entropy", "expected_error": "expected error"}

SETUP = flags.DEFINE_string("setup", "gelu_cnn", f"What is trained: one of {', '.join(SETUPS)}.")
DATASET = flags.DEFINE_string("dataset", "cifar10", "Image set; digits needs no file.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the prepared image set.")
SAMPLES = flags.DEFINE_integer("samples", 2000, "Training samples.")
VALIDATION_SAMPLES = flags.DEFINE_integer("validation_samples", 1000, "Validation samples.")
SHARES = flags.DEFINE_list("shares", ["0.005", "0.02", "0.1", "0.5"], "Shares of the samples that subsets leave out.")
SUBSETS = flags.DEFINE_integer("subsets", 100, "Random subsets of each share.")
OWN_SEED = flags.DEFINE_integer("own_seed", 0, "Seed of the retrainings.")
OTHER_SEEDS = flags.DEFINE_list("other_seeds", ["1", "2", "3", "4", "5"], "Seeds of other trainings that predict them.")
MINUTES = flags.DEFINE_float("minutes", float("inf"), "Stop after so long; the bank goes on at the next start.")
BANK = flags.DEFINE_string("bank", "runs/bank", "Folder of the bank.")
OUT = flags.DEFINE_string("out", "results/replay_validity.md", "Markdown file for the section; none if empty.")


def main():
    if SETUP.value not in SETUPS:
        raise unknown("setup", SETUP.value, list(SETUPS))
    start = time.perf_counter()
    setup, shares = SETUPS[SETUP.value], [float(share) for share in SHARES.value]
    images = load_images(DATASET.value, DATA_DIR.value, VALIDATION_SAMPLES.value)
    train, validation = images.first(SAMPLES.value), images.validation
    pace = Pace(seconds=60, deadline=time.monotonic() + 60 * MINUTES.value)
    bank = Bank(BANK.value, SETUP.value, setup, train, validation, OWN_SEED.value)
    retrained = {share: bank.measures(share, SUBSETS.value, pace) for share in shares}
    text = _section(setup, images.name, train, validation, retrained)
    program = pages.command(
        f"benchmarks.replay_validity --setup={SETUP.value}", {"data_dir": "DIR"}, ["setup", "out", "bank"]
    )
    n = f"{SUBSETS.value} subsets a share; {len(OTHER_SEEDS.value)} other seeds"
    lines = [*text, "", *pages.origin(program, n, time.perf_counter() - start)]
    section = "\n".join(line if line.startswith(("|", "#", "-")) else pages.wrapped(line) for line in lines)
    print(section, flush=True)
    if OUT.value:
        pages.put_section(OUT.value, TITLE, HEADINGS, section)


def _section(setup, name, train, validation, retrained):
    from benchmarks.replay_validity.predictions import predictions

    own, seconds = predictions(setup, train, validation, OWN_SEED.value)
    others = [predictions(setup, train, validation, int(seed))[0] for seed in OTHER_SEEDS.value]
    replayed = {title: seconds[title] / seconds["training"] for title in own if title in seconds}
    horizons = ", ".join(
        f"{seconds[f'replay, automatic horizon: horizon for {m}']:.2f} for {TITLES[m]}" for m in MEASURES
    )
    text = (
        f"{name}, {len(train[0])} training samples, {len(validation[0])} validation samples; {setup.epochs} epochs of "
        f"SGD, momentum {MOMENTUM}, learning rate {setup.learning_rate}, batches of {BATCH_SIZE}. Spearman's "
        "correlation over the subsets between the predicted and the retrained sum over the validation set; in brackets "
        "the 95 % bootstrap interval over the subsets. Own seed: predicted from the very training that is repeated "
        f"without the subset. Other seeds: by {_count(others)}, in the mean and by the mean of all. Influence: "
        "conjugate gradients, automatic damping. Training loss and gradient norm: their sum over the subset. "
        f"The automatic horizon was {horizons}. A replay took "
        + ", ".join(f"{ratio:.1f} ({title})" for title, ratio in replayed.items())
        + " times as long as the recorded training."
    )
    lines = [f"## {setup.title}", "", text]
    for column, measure in enumerate(MEASURES):
        lines += ["", f"### {TITLES[measure].capitalize()}", "", *_table(own, others, retrained, column)]
    return lines


def _table(own, others, retrained, column):
    header = ["prediction", *(f"{100 * share:g} % left out" for share in retrained)]
    rows = []
    for name in own:
        rows.append(
            [f"{name}; own seed", *(_cell([own[name]], share, found, column) for share, found in retrained.items())]
        )
        if others:
            each = [effects[name] for effects in others]
            rows.append(
                [f"{name}; other seeds", *(_single(each, share, found, column) for share, found in retrained.items())]
            )
            rows.append(
                [f"{name}; mean of them", *(_cell(each, share, found, column) for share, found in retrained.items())]
            )
    return pages.table(header, rows)


def _cell(effects, share, measures, column):
    """Returns the score of the mean of some predictions, with its interval."""
    retrained = measures[:, [column]]
    predicted = _predicted(np.mean(effects, axis=0), share, len(retrained), column)
    low, high = interval(predicted, retrained)
    return f"{spearmanr(predicted[:, 0], retrained[:, 0]).statistic:.2f} [{low:.2f}, {high:.2f}]"


def _single(effects, share, measures, column):
    """Returns the mean of the scores of single predictions."""
    predicted = [_predicted(each, share, len(measures), column)[:, 0] for each in effects]
    return f"{np.mean([spearmanr(each, measures[:, column]).statistic for each in predicted]):.2f}"


def _predicted(effects, share, subsets, column):
    return left_out(len(effects), share, subsets) @ effects[:, [column]]


def _count(others):
    return f"the {len(others)} trainings from other seeds, one by one"


if __name__ == "__main__":
    run(main)
