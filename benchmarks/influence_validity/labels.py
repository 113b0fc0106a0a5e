"""Finding wrong labels: a tenth of them is replaced, and the samples are ranked."""

import numpy as np
from absl import flags

_SAMPLES = flags.DEFINE_integer("labels_samples", 2000, "Training samples of the search for wrong labels.")
_SEEDS = flags.DEFINE_integer("labels_seeds", 3, "Seeds: of the wrong labels, and of the training.")
_DRAWS = flags.DEFINE_integer("labels_draws", 12, "Random draws of the self-influence.")

HEADING = "## Finding wrong labels"
VALIDATION_SAMPLES = 1000
SHARE = 0.1


def corrupt(y, share, classes, rng):
    """Returns the labels with a share replaced by another class, and which ones."""
    wrong = np.zeros(len(y), bool)
    wrong[rng.permutation(len(y))[: round(share * len(y))]] = True
    return np.where(wrong, (y + rng.integers(1, classes, len(y))) % classes, y), wrong


def found_share(ranking, wrong):
    """Returns the share of wrong labels among as many samples, ranked highest, as there are wrong labels."""
    return wrong[np.argsort(-ranking)[: wrong.sum()]].mean()


def rankings(model, train, validation, seed, draws):
    """Returns by name a number for each sample that is to be large where the label is wrong; and the residuals."""
    from benchmarks.influence_validity.network import gradient_norms, losses
    from tfdrop.influence import ConjugateGradient, self_influence, total_influence

    found, residuals = {}, {}
    for curvature, title in (("hessian", "Hessian"), ("gauss_newton", "Gauss-Newton")):
        solver = ConjugateGradient(on_divergence="adapt")
        arguments = {"curvature": curvature, "batch_size": 250, "verbose": 0}
        influence = total_influence(model, train, validation, solver=solver, **arguments)
        found[f"influence, {title}"] = influence.scores
        residuals[title] = influence.residual
    last = model.layers[-1]
    for name, variables in (("self-influence", None), ("self-influence, last layer", last)):
        own = self_influence(model, train, draws=draws, steps=20, variables=variables, seed=seed, **arguments)
        found[name] = own.scores
    found["training loss"] = losses(model, *train)
    found["gradient norm"] = gradient_norms(model, *train)
    found["random"] = np.random.default_rng(seed).normal(size=len(train[0]))
    return found, residuals


def section(train, validation):
    """Returns the lines of the part's section."""
    from sklearn.metrics import roc_auc_score

    from benchmarks.influence_validity.network import Trainer, losses

    x, right = (part[: _SAMPLES.value] for part in train)
    validation = tuple(part[:VALIDATION_SAMPLES] for part in validation)
    figures, residuals, learned = {}, [], []
    for seed in range(_SEEDS.value):
        y, wrong = corrupt(right, SHARE, 10, np.random.default_rng(seed))
        model = Trainer(x, y).train(np.arange(len(x)), seed)
        learned.append((np.exp(-losses(model, x, y))[wrong] > 0.5).mean())
        found, solved = rankings(model, (x, y), validation, seed, _DRAWS.value)
        residuals.append(max(solved.values()))
        for name, ranking in found.items():
            figures.setdefault(name, []).append((found_share(ranking, wrong), roc_auc_score(wrong, ranking)))
        print({name: np.round(values[-1], 3).tolist() for name, values in figures.items()}, flush=True)
    return [
        HEADING,
        "",
        f"MNIST, {len(x)} training samples, {SHARE:.0%} with another, random class as label; the CNN of the part "
        f"above, trained on them from {_SEEDS.value} seeds; it gives {np.mean(learned):.0%} of the wrong labels "
        "more than half of the probability. Precision: the share of wrong labels among as many samples, ranked "
        "highest, as there are wrong labels. Mean and standard deviation over the seeds. Influence: on "
        f"{VALIDATION_SAMPLES} validation samples with right labels, positive (unfavorable) first; CG, damping "
        f'`"auto"`, relative residuals of at most {max(residuals):.1e}. Self-influence: Gauss-Newton, '
        f"{_DRAWS.value} random draws.",
        "",
        f"| ranked by | precision at {SHARE:.0%} | ROC AUC |",
        "|---|---|---|",
        *(_row(name, np.array(values)) for name, values in figures.items()),
    ]


def _row(name, values):
    means, deviations = values.mean(0), values.std(0, ddof=1) if len(values) > 1 else np.zeros(2)
    return f"| {name} | " + " | ".join(f"{m:.3f} ± {d:.3f}" for m, d in zip(means, deviations, strict=True)) + " |"
