"""The linear datamodeling score of a replay: how well it predicts single retrainings at several shares left out."""

from pathlib import Path

import numpy as np
from absl import flags
from scipy.stats import spearmanr

from benchmarks import pages
from benchmarks.influence_validity.images import Images, Samples
from benchmarks.influence_validity.lds import interval
from benchmarks.replay_validity.bank import Bank, left_out
from benchmarks.replay_validity.setups import AnySetup
from tfdrop.checkpoint import Pace
from tfdrop.errors import UserError

SHARES = flags.DEFINE_list("shares", ["0.005", "0.02", "0.1", "0.5"], "Shares of the samples that subsets leave out.")
SUBSETS = flags.DEFINE_integer("subsets", 100, "Random subsets of each share.")
OWN_SEED = flags.DEFINE_integer("own_seed", 0, "Seed of the retrainings.")
REPEATED_SEED = flags.DEFINE_integer("repeated_seed", None, "Seed of more retrainings: what the first can foretell.")
REPEATED_SHARES = flags.DEFINE_list("repeated_shares", None, "Shares of theirs; by default all.")
OWN = flags.DEFINE_bool("own", True, "Also predict from the very training that is repeated.")
OTHER_SEEDS = flags.DEFINE_list("other_seeds", ["1", "2", "3", "4", "5"], "Seeds of other trainings that predict them.")


def headings(setup: AnySetup) -> list[str]:
    return [f"## {setup.title}"]


def n() -> str:
    return f"{SUBSETS.value} subsets a share; {len(OTHER_SEEDS.value)} other seeds"


def section(setup: AnySetup, images: Images, train: Samples, folder: Path, pace: Pace) -> list[str]:
    """Returns the lines of the part's section; retrainings of before are read from the bank in the folder."""
    from benchmarks.replay_validity.predictions import kept_predictions, predictions

    if not OWN.value and not OTHER_SEEDS.value:
        raise UserError("--noown: needs some --other_seeds")
    validation, shares = images.validation, [float(share) for share in SHARES.value]

    def retrain(seed, shares):
        bank = Bank(folder, setup, train, validation, seed)
        return {share: bank.measures(share, SUBSETS.value, pace) for share in shares}

    retrained = retrain(OWN_SEED.value, shares)
    repeated = {} if REPEATED_SEED.value is None else retrain(REPEATED_SEED.value, _repeated(shares))
    own, facts = predictions(setup, train, validation, OWN_SEED.value) if OWN.value else ({}, {})
    others = [kept_predictions(setup, train, validation, int(seed), folder) for seed in OTHER_SEEDS.value]
    text = (
        f"{images.name}, {setup.description(train, validation)} Spearman's correlation over the "
        "subsets between the predicted and the retrained sum over the validation set; in brackets the 95 % "
        "bootstrap interval over the subsets. "
        + "Own seed: predicted from the very training that is repeated without the subset. "
        * OWN.value
        + f"Other seeds: by the {len(others)} trainings from other seeds, one by one, "
        "in the mean, and by the mean of several. Influence: conjugate gradients, automatic "
        "damping. Training loss and gradient norm: their sum over the subset. Retraining from another seed without the "
        "same subsets says how much of an effect is the samples' and not the seed's." + _about_own(setup, facts)
    )
    lines = [*headings(setup), "", text]
    for column, title in enumerate(setup.measures.values()):
        lines += ["", f"### {title[0].upper()}{title[1:]}", "", *_table(own, others, retrained, repeated, column)]
    return lines


def _repeated(shares):
    return shares if REPEATED_SHARES.value is None else [float(share) for share in REPEATED_SHARES.value]


def retrain_slice(setup: AnySetup, images: Images, train: Samples, folder: Path, text: str, pace: Pace) -> None:
    """Does the retrainings of a slice `"i/n"`, those from each seed and of each share."""
    shares = [float(share) for share in SHARES.value]
    seeds = {OWN_SEED.value: shares}
    if REPEATED_SEED.value is not None:
        seeds[REPEATED_SEED.value] = _repeated(shares)
    for seed, of_seed in seeds.items():
        bank = Bank(folder, setup, train, images.validation, seed)
        for share in of_seed:
            bank.train_slice(share, SUBSETS.value, text, pace)


def _about_own(setup, facts):
    """Returns the sentences about the training that is repeated; none where it was not asked."""
    if not facts:
        return ""
    horizon = "replay, automatic horizon: horizon for "
    horizons = ", ".join(f"{facts[horizon + measure]:.2f} for {setup.measures[measure]}" for measure in setup.measures)
    replayed = {title: facts[title] / facts["training"] for title in facts if f"{title}: horizon for loss" in facts}
    times = ", ".join(f"{ratio:.1f} ({title})" for title, ratio in replayed.items())
    return (
        f" The automatic horizon was {horizons}. A replay took {times} times as long as the recorded training. "
        f"Smoothness of the training: {facts['smoothness']:.2f}."
    )


def _table(own, others, retrained, repeated, column):
    header = ["prediction", *(f"{100 * share:g} % left out" for share in retrained)]

    def row(title, score, effects):
        return [title, *(score(effects, share, found, column) for share, found in retrained.items())]

    rows = []
    for name in own or others[0]:
        if own:
            rows.append(row(f"{name}; own seed", score_of_mean, [own[name]]))
        if others:
            each = [effects[name] for effects in others]
            rows.append(row(f"{name}; other seeds", single_score, each))
            for count in (3, len(each)) if len(each) > 3 else (len(each),):
                rows.append(row(f"{name}; mean of {count}", score_of_mean, each[:count]))
    if repeated:
        cells = (_again(repeated.get(share), found, column) for share, found in retrained.items())
        rows.append(["retraining from another seed", *cells])
    return pages.table(header, rows)


def score_of_mean(effects, share, measures, column):
    """Returns the score of the mean of some predictions, with its interval."""
    return _score(_predicted(np.mean(effects, axis=0), share, len(measures), column), measures[:, [column]])


def _again(repeated, found, column):
    """Returns how well retrainings from one seed foretell those from another; nothing where there are none."""
    return "" if repeated is None else _score(repeated[:, [column]], found[:, [column]])


def _score(predicted, retrained):
    low, high = interval(predicted, retrained)
    return f"{spearmanr(predicted[:, 0], retrained[:, 0]).statistic:.2f} [{low:.2f}, {high:.2f}]"


def single_score(effects, share, measures, column):
    """Returns the mean of the scores of single predictions."""
    predicted = [_predicted(each, share, len(measures), column)[:, 0] for each in effects]
    return f"{np.mean([spearmanr(each, measures[:, column]).statistic for each in predicted]):.2f}"


def _predicted(effects, share, subsets, column):
    return left_out(len(effects), share, subsets) @ effects[:, [column]]
