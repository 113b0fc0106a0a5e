"""The linear datamodeling score of a small CNN: do summed influences rank random subsets as retraining does?

Reference:
    - [Park et al., 2023](https://arxiv.org/abs/2303.14186), the score and its use.
"""

import numpy as np
from absl import flags
from scipy.stats import spearmanr

_SAMPLES = flags.DEFINE_integer("lds_samples", 2000, "Training samples of the linear datamodeling score.")
_SUBSETS = flags.DEFINE_integer("lds_subsets", 50, "Random halves of them that are retrained on.")
_RETRAININGS = flags.DEFINE_integer("lds_retrainings", 3, "Retrainings on each half, from seeds of their own.")
_MODELS = flags.DEFINE_integer("lds_models", 3, "Models, trained on all samples, whose scores are averaged.")

HEADING = "## Linear datamodeling score of a small CNN"
VALIDATION_SAMPLES = 1000
FIRST_MODEL_SEED = 1000  # no model that is scored begins as one that is retrained


def random_halves(samples, count, rng):
    """Returns a Boolean array of shape `(count, samples)`: which samples each random half leaves out."""
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
    """Returns Spearman's correlation over the subsets, the mean over the columns, which are losses to predict."""
    return np.mean([spearmanr(*columns).statistic for columns in zip(predicted.T, retrained.T, strict=True)])


def interval(predicted, retrained, draws=1000):
    """Returns the 95 % bootstrap interval of the score, over the subsets."""
    rng = np.random.default_rng(0)
    drawn = (rng.integers(0, len(retrained), len(retrained)) for _ in range(draws))
    return np.percentile([score(predicted[i], retrained[i]) for i in drawn], (2.5, 97.5))


def totals(losses, classes):
    """Returns sums over the last axis: over all validation samples first, then over each class."""
    return np.stack([losses.sum(-1), *(losses[..., classes == c].sum(-1) for c in np.unique(classes))], axis=-1)


def reliability(retrained):
    """Returns the correlation that the mean of as many other retrainings would have with this one (Spearman-Brown)."""
    count = retrained.shape[1]
    single = np.corrcoef(retrained.T)[~np.eye(count, dtype=bool)].mean()
    return count * single / (1 + (count - 1) * single)


def relative_residual(model, train, validation, found):
    """Returns that of an `Influence`'s solution, on all of the training samples."""
    from tfdrop.influence.problem import Problem

    problem = Problem(model, train, None, found.curvature, found.damping, None, batch_size=250, seed=0, verbose=0)
    target = np.asarray(problem.validation_gradient(validation))
    product = problem.curvature.product(found.solution, problem.data.batches()) + found.damping * found.solution
    return np.linalg.norm(target - np.asarray(product)) / np.linalg.norm(target)


def influences(model, train, validation, curvature, seed):
    """Returns by solver the effects of leaving out each sample, and the damping and the residual.

    The effects are on the `totals`, shape `(n, totals)`; of LiSSA on the first of them alone.
    """
    from tfdrop.influence import ConjugateGradient, LiSSA, total_influence

    cg, lissa = ConjugateGradient(on_divergence="adapt"), LiSSA(batch_size=64, on_divergence="adapt")
    arguments = {"curvature": curvature, "batch_size": 250, "seed": seed, "verbose": 0}
    found = {"CG": total_influence(model, train, validation, solver=cg, **arguments)}
    arguments["damping"] = found["CG"].damping
    found["LiSSA"] = total_influence(model, train, validation, solver=lissa, **arguments)
    effects = {name: influence.removal_effect[:, None] for name, influence in found.items()}
    x, y = validation
    for c in np.unique(y):
        part = total_influence(model, train, (x[y == c], y[y == c]), solver=cg, **arguments)
        effects["CG"] = np.column_stack([effects["CG"], part.removal_effect])
    solves = {name: (each.damping, relative_residual(model, train, validation, each)) for name, each in found.items()}
    return effects, solves


def predictors(model, train, validation, seed):
    """Returns by name the effects of leaving out each sample, as `influences` does, and how the solves went."""
    from benchmarks.influence_validity.network import gradient_norms, losses

    effects, solves = {}, {}
    for curvature, title in (("hessian", "Hessian"), ("gauss_newton", "Gauss-Newton")):
        found = influences(model, train, validation, curvature, seed)
        for gathered, part in zip((effects, solves), found, strict=True):
            gathered.update({f"influence, {title}, {name}": value for name, value in part.items()})
    trivial = {
        "training loss": losses(model, *train),
        "gradient norm": gradient_norms(model, *train),
        "random": np.random.default_rng(seed).normal(size=len(train[0])),
    }
    columns = 1 + len(np.unique(validation[1]))
    return effects | {name: np.tile(values[:, None], columns) for name, values in trivial.items()}, solves


def section(train, validation):
    """Returns the lines of the part's section."""
    from benchmarks.influence_validity.network import Trainer

    train = tuple(part[: _SAMPLES.value] for part in train)
    validation = tuple(part[:VALIDATION_SAMPLES] for part in validation)
    trainer = Trainer(*train)
    found = []
    for seed in range(FIRST_MODEL_SEED, FIRST_MODEL_SEED + _MODELS.value):
        model = trainer.train(np.arange(len(train[0])), seed)
        found.append(predictors(model, train, validation, seed))
        print({name: f"damping {d:.3g}, residual {r:.2g}" for name, (d, r) in found[-1][1].items()}, flush=True)
    left_out = random_halves(len(train[0]), _SUBSETS.value, np.random.default_rng(0))
    retrained = totals(retrained_losses(trainer, left_out, validation, _RETRAININGS.value), validation[1])
    rows = [_row(name, found, left_out, retrained.mean(1)) for name in found[0][0]]
    ceilings = [np.sqrt(max(reliability(each), 0)) for each in np.moveaxis(retrained, -1, 0)]
    return [
        HEADING,
        "",
        f"MNIST, {len(train[0])} training samples, a CNN of {trainer.model.count_params()} weights, "
        f"{_SUBSETS.value} random halves, each retrained from {_RETRAININGS.value} seeds. Score: Spearman's "
        "correlation over the halves between the predicted and the retrained (mean over the seeds) cross-entropy, "
        f"summed over {VALIDATION_SAMPLES} validation samples. Prediction: the sum over the samples LEFT OUT of "
        "`removal_effect`, which is -1/n times the influence of eq. (1); of the trivial predictors likewise the "
        'sum over the samples left out. Damping `"auto"`, `on_divergence="adapt"`. Ensemble: scores averaged over '
        f"{_MODELS.value} models, trained on all samples from other seeds than the retrained ones; in brackets the "
        "95 % bootstrap interval over the halves. Damping, and relative residual on all of the training samples: "
        f"medians over the models. Retrained losses: {retrained[..., 0].mean():.1f} in the mean, standard "
        f"deviation over the halves {retrained[..., 0].mean(1).std():.2f}; the noise of the retraining lets no "
        f"predictor score more than about {ceilings[0]:.2f} (the square root of the reliability of the mean over "
        f"the seeds), or {np.mean(ceilings[1:]):.2f} by class. By class: the losses of each class of the "
        "validation samples, predicted one by one, mean score of the ten.",
        "",
        "| prediction | one model | ensemble | by class: one model | ensemble | damping | relative residual |",
        "|---|---|---|---|---|---|---|",
        *rows,
    ]


def _row(name, found, left_out, retrained):
    predicted = np.array([left_out @ effects[name] for effects, _ in found])
    total, classes = slice(0, 1), slice(1, None)
    cells = _cells(predicted[..., total], retrained[:, total])
    cells += _cells(predicted[..., classes], retrained[:, classes]) if predicted.shape[-1] > 1 else ["", ""]
    solves = [solves[name] for _, solves in found if name in solves]
    cells += [f"{value:.2g}" for value in np.median(solves, axis=0)] if solves else ["", ""]
    return f"| {name} | {' | '.join(cells)} |"


def _cells(predicted, retrained):
    ensemble = predicted.mean(0)
    low, high = interval(ensemble, retrained)
    single = np.mean([score(each, retrained) for each in predicted])
    return [f"{single:.2f}", f"{score(ensemble, retrained):.2f} [{low:.2f}, {high:.2f}]"]
