"""Finding wrong labels: a tenth of the labels is replaced, and the samples are ranked."""

from typing import Any

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.influence_validity.curvatures import CURVATURES, TITLES
from benchmarks.influence_validity.images import Images, Samples
from benchmarks.wrong_labels.planted import found_share, mislabelled

SAMPLES = flags.DEFINE_integer("labels_samples", 2000, "Training samples.")
SEEDS = flags.DEFINE_integer("labels_seeds", 3, "Seeds, each for the wrong labels and for the training.")
DRAWS = flags.DEFINE_integer("labels_draws", 12, "Random draws of the self-influence.")

HEADING = "## Finding wrong labels"
SHARE = 0.1


def rankings(model: Any, train: Samples, validation: Samples, seed: int) -> tuple[dict[str, np.ndarray], list[float]]:
    """Returns, by name, a number for each sample that should be large where the label is wrong; and the residuals."""
    from benchmarks.influence_validity.network import losses, simple_scores
    from tfdrop.influence import ConjugateGradient, InfluenceModel

    found, residuals = {}, []
    settings: dict[str, Any] = {"batch_size": 250, "seed": seed, "verbose": 0}
    wanted = dict.fromkeys([*CURVATURES.value, "gauss_newton"])
    influence = {each: InfluenceModel(model, train, curvature=each, **settings) for each in wanted}
    for curvature in CURVATURES.value:
        total = influence[curvature].total(validation, solver=ConjugateGradient(on_divergence="adapt"))
        found[f"influence, {TITLES[curvature]}"] = total.scores
        residuals.append(total.residual)
    last_layer = InfluenceModel(model, train, curvature="gauss_newton", variables=model.layers[-1], **settings)
    own = {"self-influence": influence["gauss_newton"], "self-influence, last layer": last_layer}
    found |= {name: each.self_influence(draws=DRAWS.value, steps=20).scores for name, each in own.items()}
    return found | simple_scores(model, model.loss, losses(model, *train), train, seed), residuals


def n() -> str:
    return f"{SEEDS.value} seeds"


def section(images: Images) -> list[str]:
    """Returns the lines of the part's section."""
    from sklearn.metrics import roc_auc_score

    from benchmarks.influence_validity.network import Trainer, losses

    x, right = images.first(SAMPLES.value)
    figures: dict[str, list[tuple[float, float]]] = {}
    residuals, learned = [], []
    for seed in range(SEEDS.value):
        y, wrong = mislabelled(right, SHARE, images.classes, "symmetric", np.random.default_rng(seed))
        model = Trainer(x, y, images.classes).train(np.arange(len(x)), seed)
        learned.append((np.exp(-losses(model, x, y))[wrong] > 0.5).mean())
        found, solved = rankings(model, (x, y), images.validation, seed)
        residuals += solved
        for name, ranking in found.items():
            figures.setdefault(name, []).append((found_share(ranking, wrong), roc_auc_score(wrong, ranking)))
        print({name: np.round(values[-1], 3).tolist() for name, values in figures.items()}, flush=True)
    text = (
        f"Data: {images.name}, {len(x)} training samples, {SHARE:.0%} of them labelled with another, random class. "
        f"The small CNN, of {model.count_params():,} weights, trained on them from {SEEDS.value} seeds; it gives "
        f"{np.mean(learned):.0%} of the wrong labels more than half of the probability. Precision: the share of wrong "
        "labels in the top of the ranking, taking as many samples as there are wrong labels. Mean and standard "
        f"deviation over the seeds. Influence: on {len(images.validation[0])} validation samples with right labels, "
        'positive (unfavorable) first; CG, damping `"auto"`, relative residuals of at most '
        f"{max(residuals):.1e}. Self-influence: Gauss-Newton, {DRAWS.value} random draws."
    )
    header = ["ranked by", f"precision at {SHARE:.0%}", "ROC AUC"]
    rows = [[name, *_cells(np.array(values))] for name, values in figures.items()]
    return [HEADING, "", text, "", *pages.table(header, rows)]


def _cells(values: np.ndarray) -> list[str]:
    deviations = values.std(0, ddof=1) if len(values) > 1 else np.zeros(2)
    return [f"{mean:.3f} ± {deviation:.3f}" for mean, deviation in zip(values.mean(0), deviations, strict=True)]
