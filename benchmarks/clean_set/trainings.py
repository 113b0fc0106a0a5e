"""What is trained, what ranks its samples, and without which samples it is trained again."""

from collections.abc import Sequence

import numpy as np

from benchmarks.influence_validity.images import Images, Samples
from benchmarks.replay_validity.trainings import Setup, prepared
from benchmarks.wrong_labels.arms import FULL, ORDER_OF_RANDOM, RANDOM
from benchmarks.wrong_labels.trainings import Outcome, fitting_cnn, outcome, outputs_by_epoch
from tfdrop.errors import blaming

SETUP = Setup("MNIST", fitting_cnn, 0.05, epochs=10, falls=True)
LAST_EPOCH, REPLAY = "replay, last epoch", "replay"
SAME, OTHER = "the same training", "another training"
SEED_OF_OTHERS = 1000  # is added to the seed that ranked


def samples(dataset: str, data_dir: str, count: int, validation: int) -> tuple[Samples, Samples, Samples]:
    """Returns samples for training and validation, both from a data set's training images, and its test images."""
    from tfdrop.data.sets.named import load_image_set

    with blaming("data_dir", data_dir):
        found = load_image_set(dataset, data_dir)
    x, y = found.train
    held_out, trained = np.split(np.random.default_rng(0).permutation(len(x))[: count + validation], [validation])
    parts = ((x[trained], y[trained]), (x[held_out], y[held_out]), found.test)
    scaled = (((images / 255).astype("float32"), labels) for images, labels in parts)
    train, images = prepared(SETUP, Images(dataset, len(found.classes), *scaled), count)
    return train, images.validation, images.test


def last_epoch_and_all(train: Samples, validation: Samples, seed: int) -> dict[str, np.ndarray]:
    """Returns the scores by a replay of the last epoch and of a whole training, shape `(n,)`, the worst largest."""
    from tfdrop.influence import replay_influence

    run = SETUP.training(train, seed, record=True)
    for _ in run.dispatches():
        pass
    horizons = {LAST_EPOCH: 1 / SETUP.epochs, REPLAY: 1.0}
    return {name: replay_influence(run, validation, horizon=h, verbose=0).scores for name, h in horizons.items()}


def same_training_without(train: Samples, dropped: np.ndarray, test: Samples, seed: int) -> Outcome:
    """Takes a seed's training, the losses of some samples times 0."""
    import keras

    weights = np.ones(len(train[1]))
    weights[dropped] = 0
    run = SETUP.training(train, seed, weights=weights)
    found = outcome(outputs_by_epoch(run, test[0]), test[1])
    keras.backend.clear_session()
    return found


def arms(rankings: dict[str, np.ndarray], counts: Sequence[int], seed: int) -> dict[str, tuple[np.ndarray, str]]:
    """Returns by an arm's name which samples it drops, and from what training: `SAME` or `OTHER`."""
    n = len(next(iter(rankings.values())))
    orders = {name: np.argsort(-scores, kind="stable") for name, scores in rankings.items()}
    orders[RANDOM] = np.random.default_rng((seed, ORDER_OF_RANDOM)).permutation(n)
    found = {}
    for start in (SAME, OTHER):
        found[arm_name(FULL, 0, start)] = (np.array([], int), start)
        for name, order in orders.items():
            found |= {arm_name(name, count, start): (order[:count], start) for count in counts}
    return found


def arm_name(ranking: str, count: int, start: str) -> str:
    return f"{ranking}, {count}, {start}"
