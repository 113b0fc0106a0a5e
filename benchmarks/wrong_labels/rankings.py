"""Everything that ranks the training samples of one training: influence in its forms, and what is simpler."""

import numpy as np

from benchmarks.influence_validity.images import Samples
from benchmarks.replay_validity.trainings import Setup
from benchmarks.wrong_labels.planted import Planted
from benchmarks.wrong_labels.trainings import outputs, outputs_by_epoch
from tfdrop.data_dropout.rankings import OF_OUTPUTS, confident_learning

PRINTED = "influence as printed"  # the paper's engine: LiSSA on the Hessian, the training loss
REPLAYS = {"replay, cross-entropy": "loss", "replay, expected error": "expected_error"}
CLASSICAL = "influence, Gauss-Newton, expected error"
SELF, CONFIDENT = "self-influence", "confident learning (cleanlab)"
TITLES = {"loss": "training loss", "el2n": "EL2N", "aum": "area under the margin", "forgetting": "forgetting events"}
WITH_A_ZERO = (PRINTED, *REPLAYS)  # those of which all positive samples are dropped, too
FOLDS = 5
DRAWS, STEPS = 8, 12


def rankings(setup: Setup, samples: Planted, seed: int) -> dict[str, np.ndarray]:
    """Returns the rankings by name, shape `(n,)`, largest to be dropped first."""
    from tfdrop.influence import ConjugateGradient, InfluenceModel, LiSSA, replay_influence

    run = setup.training(samples.train, seed, record=True)
    x, y = samples.train
    by_epoch = np.stack(list(outputs_by_epoch(run, x)))
    found = {title: OF_OUTPUTS[name](by_epoch, y) for name, title in TITLES.items()}
    for title, measure in REPLAYS.items():
        found[title] = replay_influence(run, samples.validation, measure, horizon="auto", verbose=0).scores
    models = {
        curvature: InfluenceModel(
            run.model, (x, y), run.loss, curvature=curvature, seed=seed, batch_size=250, verbose=0
        )
        for curvature in ("hessian", "gauss_newton")
    }
    printed = models["hessian"].total(samples.validation, solver=LiSSA(depth=1000, on_divergence="adapt"))
    solver = ConjugateGradient(on_divergence="adapt")
    classical = models["gauss_newton"].total(samples.validation, solver=solver, measure="expected_error")
    found |= {PRINTED: printed.scores, CLASSICAL: classical.scores}
    found[SELF] = models["gauss_newton"].self_influence(draws=DRAWS, steps=STEPS).scores
    found[CONFIDENT] = confident_learning(_out_of_fold(setup, samples.train, seed), y)
    return found


def _out_of_fold(setup: Setup, train: Samples, seed: int) -> np.ndarray:
    """Returns the classes' probabilities of each sample, by a network that was trained on four fifths without it."""
    from scipy.special import softmax

    x, y = train
    found = np.empty((len(y), 0))
    fold_of = np.random.default_rng(seed).permutation(len(y)) % FOLDS
    for fold in range(FOLDS):
        run = setup.training((x[fold_of != fold], y[fold_of != fold]), seed)
        for _ in run.dispatches():
            pass
        answers = softmax(outputs(run.model, x[fold_of == fold]).astype("float64"), axis=1)
        found = np.empty((len(y), answers.shape[1])) if not fold else found
        found[fold_of == fold] = answers
    return found
