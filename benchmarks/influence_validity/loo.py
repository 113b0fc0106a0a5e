"""Influence compared with leave-one-out retraining to the optimum, on softmax regression."""

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.influence_validity.images import Images, Samples
from benchmarks.influence_validity.softmax_regression import SoftmaxRegression, keras_model, loss_sum, with_constant

SAMPLES = flags.DEFINE_list("loo_samples", ["1000", "5000"], "Numbers of training samples, one after another.")
LEFT_OUT = flags.DEFINE_integer("loo_left_out", 60, "Samples left out of either kind: the largest, and random ones.")
LISSA_DEPTH = flags.DEFINE_integer("loo_lissa_depth", 5000, "Steps of LiSSA.")

HEADING = "## Leave-one-out retraining of softmax regression"
L2 = 0.005  # as Keras counts it; a weight decay of 0.01, as Koh and Liang have


def choose(effect, count, rng):
    """Returns two arrays of indices of samples: those with the largest absolute effects, and random others."""
    order = np.argsort(-np.abs(effect))
    return order[:count], rng.permutation(order[count:])[:count]


def retrained_effects(regression, optimum, validation, samples):
    """Returns the changes of the summed validation loss when each of the samples is left out, one by one."""
    before = loss_sum(optimum, *validation)
    return np.array([loss_sum(regression.optimum(i, start=optimum), *validation) - before for i in samples])


def agreement(predicted, retrained):
    """Returns Pearson's r, and the slope of the retrained changes over the predicted ones."""
    return np.corrcoef(predicted, retrained)[0, 1], np.polyfit(predicted, retrained, 1)[0]


def n() -> str:
    return f"{2 * LEFT_OUT.value} samples for each line, left out one by one"


def section(images: Images) -> list[str]:
    """Returns the lines of the part's section."""
    x, y = images.validation
    validation = with_constant(x), y
    regressions = []
    for samples in map(int, SAMPLES.value):
        x, y = images.first(samples)
        regressions.append(SoftmaxRegression(with_constant(x), y, images.classes, L2))
    weights = regressions[0].x.shape[1] * images.classes
    text = (
        f"Change of the cross-entropy summed over {len(validation[0])} validation samples when one of n training "
        "samples is left out and the others keep their weight of 1/n: `removal_effect` with the Hessian and no "
        "damping, compared with retraining to the optimum in float64, to a gradient norm of at most 1e-9. "
        f"Data: {images.name}, {images.classes} classes, {weights:,} weights, weight decay {2 * L2:g}. "
        f"{2 * LEFT_OUT.value} samples for each n: the {LEFT_OUT.value} with the largest influence, and "
        f"{LEFT_OUT.value} random others. r is Pearson's; the slope is that of the retrained changes over the "
        "predicted ones. The relative residual is measured in float64 on all samples, and shown next to the engine's "
        "own. The aims were r of at least 0.99 and a slope near 1. Influence is of first order in 1/n, so a sample "
        "with much leverage changes more than predicted; rescaled: each prediction of CG's divided by 1 minus the "
        "sample's leverage. LiSSA ran its full depth, without stopping early."
    )
    kinds = ("r", "r, largest", "r, random")
    header = ["n", "solver", "residual", "the engine's", *(name for kind in kinds for name in (kind, "slope"))]
    rows = [row for regression in regressions for row in _rows(regression, validation)]
    return [HEADING, "", text, "", *pages.table(header, rows)]


def _rows(regression: SoftmaxRegression, validation: Samples) -> list[list[str]]:
    from tfdrop.influence import ConjugateGradient, InfluenceModel, LiSSA

    solvers = {
        "CG": ConjugateGradient(tolerance=1e-5, depth=1000),
        "LiSSA": LiSSA(depth=LISSA_DEPTH.value, batch_size=64, tolerance=0.0),
    }
    train = regression.x, regression.y
    optimum = regression.optimum()
    model = InfluenceModel(keras_model(regression, optimum), train, damping=0, batch_size=250, verbose=0)
    found = {name: model.total(validation, solver=solver) for name, solver in solvers.items()}
    chosen = choose(found["CG"].removal_effect, LEFT_OUT.value, np.random.default_rng(0))
    retrained = [retrained_effects(regression, optimum, validation, samples) for samples in chosen]
    own = model.self_influence(solver=ConjugateGradient(tolerance=1e-3, depth=1000), samples=np.concatenate(chosen))
    median, largest = np.median(own.leverages), own.leverages.max()
    print(f"leverages of these {len(own.leverages)} samples: median {median:.3f}, largest {largest:.3f}", flush=True)
    leverages = np.zeros(len(regression.x))
    leverages[np.concatenate(chosen)] = own.leverages
    found = {"CG": found["CG"], "CG, rescaled": found["CG"].rescaled(leverages), "LiSSA": found["LiSSA"]}
    rows = []
    for name, influence in found.items():
        predicted = [influence.removal_effect[samples] for samples in chosen]
        pairs = [(np.concatenate(predicted), np.concatenate(retrained)), *zip(predicted, retrained, strict=True)]
        figures = [agreement(*pair) for pair in pairs]
        residual = regression.relative_residual(optimum, influence.solution, validation)
        row = [f"{len(regression.x)}", name, f"{residual:.1e}", f"{influence.residual:.1e}"]
        row += [cell for r, slope in figures for cell in (f"{r:.4f}", f"{slope:.3f}")]
        print(*row, flush=True)
        rows.append(row)
    return rows
