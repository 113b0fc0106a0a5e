"""--rank_by: what ranks the training images in the place of influence, each resumable."""

import dataclasses

import numpy as np

from tfdrop.checkpoint import replace
from tfdrop.data.samples import select, stream
from tfdrop.data_dropout import rankings
from tfdrop.influence import InfluenceModel
from tfdrop.tasks.classification.networks import classification_loss
from tfdrop.tasks.classification.training import EPOCH_OUTPUTS, centred, probabilities, train_classifier
from tfdrop.tasks.influence_step import BASIS
from tfdrop.tasks.ranking import Ranking
from tfdrop.whole_files import damage, note

FOLDS = 5
MOST_OUTSIDE = 0.75  # mean share of the scores that a basis may leave to their bounds without a word
ORDER_OF_RANDOM, ORDER_OF_FOLDS = 8, 9  # the numbers of these draws' streams


def output_folder(records, seed):
    """Returns the folder with the outputs after each epoch of the training from a seed."""
    return records / f"outputs_seed{seed}"


def ranked(settings, data, arm, model, train, checkpoint, records, sample_weights):
    """Returns the `Ranking` of an arm's training images that the settings ask for.

    Args:
        settings: `ClassifySettings` of the arm.
        data: `ClassifyData`, preprocessed.
        arm: The `Arm`, trained.
        model: Its network.
        train: Arrays `(x, y)` that it was trained on.
        checkpoint: Where a long computation is saved.
        records: Folder of what was kept of its training, and where further trainings go.
        sample_weights: The images' weights in training, or `None`.
    """
    name = settings.rank_by
    if name == "random":
        return Ranking(name, stream(settings.seed, ORDER_OF_RANDOM).random(len(train[1])))
    if name == "self_influence":
        return Ranking(name, _self_influence(settings, model, train, checkpoint, sample_weights))

    def train_again(settings, train, weights, folder, outputs=None):
        folder.mkdir(parents=True, exist_ok=True)
        pace, key = checkpoint.pace, checkpoint.key
        return train_classifier(
            settings, data, train, arm.name, arm.round, folder, pace, key, sample_weights=weights, outputs=outputs
        )

    if name == "confident_learning":
        return Ranking(name, _confident_learning(settings, data, train, sample_weights, records, train_again))
    return _of_outputs(settings, train, sample_weights, records, train_again)


def _of_outputs(settings, train, sample_weights, records, train_again):
    found = []
    for seed in settings.scoring_seeds:
        folder = output_folder(records, seed)
        paths = [folder / EPOCH_OUTPUTS.format(epoch) for epoch in range(1, settings.epochs + 1)]
        if not paths[-1].exists():
            train_again(dataclasses.replace(settings, seed=seed), train, sample_weights, folder / "training", folder)
        outputs = np.stack([_load(path) for path in paths])
        found.append(rankings.OF_OUTPUTS[settings.rank_by](outputs, train[1]))
    spread = np.std(found, axis=0, ddof=1) if len(found) > 1 else None
    return Ranking(settings.rank_by, np.mean(found, axis=0), len(found), spread)


def _self_influence(settings, model, train, checkpoint, sample_weights):
    x, y = train
    samples = (centred(settings, x), y, *(() if sample_weights is None else (sample_weights,)))
    kind = {"curvature": "gauss_newton", "damping": settings.damping, "seed": settings.seed}
    model = InfluenceModel(model, samples, classification_loss(), **kind)
    found = model.self_influence(basis=BASIS, checkpoint=checkpoint)
    outside = float(np.mean(found.standard_errors / np.maximum(found.scores, np.finfo(float).tiny)))
    if outside > MOST_OUTSIDE:
        note(f"up to {outside:.0%} of the self-influence is a guess: {BASIS} products are too few for this curvature")
    return found.scores


def _confident_learning(settings, data, train, sample_weights, records, train_again):
    """Returns cleanlab's ranking by networks that were each trained without a fold, each class its share of it."""
    x, y = train
    fold_of = folds(y, settings.seed)
    found = np.empty((len(y), len(data.classes)))
    for fold in range(FOLDS):
        inside, outside = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        path = records / f"fold{fold}.npy"
        if not path.exists():
            weights = None if sample_weights is None else sample_weights[outside]
            network = train_again(settings, select(train, outside), weights, records / f"fold{fold}")
            answers = probabilities(settings, network, x[inside])
            replace(path, lambda partial: np.save(partial, answers))  # noqa: B023
        found[inside] = _load(path)
    return rankings.confident_learning(found, y)


def _load(path):
    with damage(path):
        return np.load(path)


def folds(labels, seed):
    """Returns for each image the number of its fold, each class spread evenly."""
    order = stream(seed, ORDER_OF_FOLDS).permutation(len(labels))
    found = np.empty(len(labels), int)
    found[order[np.argsort(labels[order], kind="stable")]] = np.arange(len(labels)) % FOLDS
    return found
