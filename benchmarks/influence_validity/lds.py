"""The linear datamodeling score of a small CNN: do summed influences rank random subsets as retraining does?

Reference:
    - [Park et al., 2023](https://arxiv.org/abs/2303.14186), the score and its use.
"""

from typing import Any

import numpy as np
from absl import flags
from scipy.stats import spearmanr

from benchmarks import pages
from benchmarks.influence_validity.curvatures import CURVATURES, TITLES
from benchmarks.influence_validity.images import Images, Samples

SAMPLES = flags.DEFINE_integer("lds_samples", 2000, "Training samples.")
SUBSETS = flags.DEFINE_integer("lds_subsets", 50, "Random halves of them to retrain on.")
RETRAININGS = flags.DEFINE_integer("lds_retrainings", 3, "Retrainings on each half, each from its own seed.")
MODELS = flags.DEFINE_integer("lds_models", 3, "Models, trained on all samples, whose scores are averaged.")
DRAWS = flags.DEFINE_integer("lds_draws", 1000, "Bootstrap draws of the halves.")

HEADING = "## Linear datamodeling score of a small CNN"
FIRST_MODEL_SEED = 1000  # so that no scored model starts like a retrained one


def random_halves(samples, count, rng):
    """Returns a Boolean array of shape `(count, samples)`: which samples each half leaves out."""
    left_out = np.zeros((count, samples), bool)
    for row in left_out:
        row[rng.permutation(samples)[: samples // 2]] = True
    return left_out


def retrained_losses(trainer, left_out, validation, retrainings):
    """Returns the losses after each retraining, shape `(subsets, retrainings, validation samples)`."""
    from benchmarks.influence_validity.network import losses

    found = np.zeros((len(left_out), retrainings, len(validation[0])))
    for i, row in enumerate(left_out):
        for seed in range(retrainings):
            found[i, seed] = losses(trainer.train(np.flatnonzero(~row), seed), *validation)
        print(f"half {i + 1} of {len(left_out)}: validation loss {found[i].sum(1).mean():.1f}", flush=True)
    return found


def score(predicted, retrained):
    """Returns Spearman's correlation over the subsets, averaged over the columns, each a loss to predict."""
    return np.mean([spearmanr(*columns).statistic for columns in zip(predicted.T, retrained.T, strict=True)])


def interval(predicted, retrained, draws=1000):
    """Returns the 95 % bootstrap interval of the score, over the subsets."""
    rng = np.random.default_rng(0)
    drawn = (rng.integers(0, len(retrained), len(retrained)) for _ in range(draws))
    return np.percentile([score(predicted[i], retrained[i]) for i in drawn], (2.5, 97.5))


def totals(losses, classes):
    """Returns sums over the last axis: first over all validation samples, then over those of each class."""
    return np.stack([losses.sum(-1), *(losses[..., classes == c].sum(-1) for c in np.unique(classes))], axis=-1)


def reliability(retrained):
    """Returns the correlation of the mean over the retrainings with that of as many others (Spearman-Brown)."""
    count = retrained.shape[1]
    single = np.corrcoef(retrained.T)[~np.eye(count, dtype=bool)].mean()
    return count * single / (1 + (count - 1) * single)


def effects_of_removal(
    model: Any, train: Samples, validation: Samples, curvature: str, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, tuple[float, float]]]:
    """Returns, by solver, the predicted effects of leaving out each sample; and each solve's damping and residual.

    The effects are on the `totals`, shape `(n, totals)`; for LiSSA on the first of them alone.
    """
    from tfdrop.influence import ConjugateGradient, InfluenceModel, LiSSA

    influence = InfluenceModel(model, train, curvature=curvature, batch_size=250, seed=seed, verbose=0)
    found = {"CG": influence.total(validation, solver=ConjugateGradient(on_divergence="adapt"))}
    # The first solve may have raised the damping; the others are to have the same.
    adapting: dict[str, Any] = {"on_divergence": "adapt", "damping": found["CG"].damping}
    found["LiSSA"] = influence.total(validation, solver=LiSSA(batch_size=64, **adapting))
    effects = {name: each.removal_effect[:, None] for name, each in found.items()}
    x, y = validation
    for c in np.unique(y):
        part = influence.total((x[y == c], y[y == c]), solver=ConjugateGradient(**adapting))
        effects["CG"] = np.column_stack([effects["CG"], part.removal_effect])
    return effects, {name: (each.damping, each.residual) for name, each in found.items()}


def predictions(
    model: Any, train: Samples, validation: Samples, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, tuple[float, float]]]:
    """Returns what `effects_of_removal` does, by name and for all that is compared."""
    from benchmarks.influence_validity.network import losses, simple_scores

    effects: dict[str, np.ndarray] = {}
    solves: dict[str, tuple[float, float]] = {}
    for curvature in CURVATURES.value:
        found, solved = effects_of_removal(model, train, validation, curvature, seed)
        for solver in found:
            name = f"influence, {TITLES[curvature]}, {solver}"
            effects[name], solves[name] = found[solver], solved[solver]
    columns = 1 + len(np.unique(validation[1]))
    simple = simple_scores(model, model.loss, losses(model, *train), train, seed)
    return effects | {name: np.tile(values[:, None], columns) for name, values in simple.items()}, solves


def n() -> str:
    return f"{SUBSETS.value} halves, {RETRAININGS.value} retrainings on each; {MODELS.value} models"


def section(images: Images) -> list[str]:
    """Returns the lines of the part's section."""
    from benchmarks.influence_validity.network import Trainer

    train, validation = images.first(SAMPLES.value), images.validation
    trainer = Trainer(*train, images.classes)
    found = []
    for seed in range(FIRST_MODEL_SEED, FIRST_MODEL_SEED + MODELS.value):
        model = trainer.train(np.arange(len(train[0])), seed)
        found.append(predictions(model, train, validation, seed))
        print({name: f"damping {d:.3g}, residual {r:.2g}" for name, (d, r) in found[-1][1].items()}, flush=True)
    left_out = random_halves(len(train[0]), SUBSETS.value, np.random.default_rng(0))
    retrained = totals(retrained_losses(trainer, left_out, validation, RETRAININGS.value), validation[1])
    ceilings = [np.sqrt(max(reliability(each), 0)) for each in np.moveaxis(retrained, -1, 0)]
    text = (
        f"Data: {images.name}, {len(train[0])} training samples; a CNN of {trainer.model.count_params()} weights; "
        f"{SUBSETS.value} random halves, each retrained from {RETRAININGS.value} seeds. Score: Spearman's "
        "correlation over the halves between the predicted and the retrained (mean over the seeds) cross-entropy, "
        f"summed over {len(validation[0])} validation samples. Prediction: the sum over the samples LEFT OUT of "
        "`removal_effect`, which is -1/n times the influence of eq. (1); for the simple predictors likewise their "
        'sum over the samples left out. Damping `"auto"`, `on_divergence="adapt"`. Ensemble: scores averaged over '
        f"{MODELS.value} models, trained on all samples from other seeds than the retrained ones; in brackets the "
        "95 % bootstrap interval over the halves. Damping, and relative residual as the engine measures it: medians "
        f"over the models. Retrained losses: mean {retrained[..., 0].mean():.1f}, standard deviation over the halves "
        f"{retrained[..., 0].mean(1).std():.2f}. The noise of the retraining lets no predictor score more than about "
        f"{ceilings[0]:.2f} (the square root of the reliability of the mean over the seeds), or "
        f"{np.mean(ceilings[1:]):.2f} by class. By class: the losses of the validation samples of each class, "
        f"predicted one by one; the mean of the {len(ceilings) - 1} scores."
    )
    scores = ["one model", "ensemble", "by class: one model", "ensemble"]
    header = ["prediction", *scores, "damping", "relative residual"]
    rows = [_row(name, found, left_out, retrained.mean(1)) for name in found[0][0]]
    return [HEADING, "", text, "", *pages.table(header, rows)]


def _row(name, found, left_out, retrained):
    predicted = np.array([left_out @ effects[name] for effects, _ in found])
    total, classes = slice(0, 1), slice(1, None)
    cells = _cells(predicted[..., total], retrained[:, total])
    cells += _cells(predicted[..., classes], retrained[:, classes]) if predicted.shape[-1] > 1 else ["", ""]
    solves = [solves[name] for _, solves in found if name in solves]
    cells += [f"{value:.2g}" for value in np.median(solves, axis=0)] if solves else ["", ""]
    return [name, *cells]


def _cells(predicted, retrained):
    ensemble = predicted.mean(0)
    low, high = interval(ensemble, retrained, DRAWS.value)
    single = np.mean([score(each, retrained) for each in predicted])
    return [f"{single:.2f}", f"{score(ensemble, retrained):.2f} [{low:.2f}, {high:.2f}]"]
