"""What is compared with the retrainings: predicted effects of leaving out each sample of one training."""

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.influence_validity.images import Samples
from benchmarks.influence_validity.network import simple_scores
from benchmarks.replay_validity.bank import MEASURES
from benchmarks.replay_validity.trainings import Setup, training
from tfdrop.checkpoint import replace

CURVATURES = {"hessian": "Hessian", "gauss_newton": "Gauss-Newton"}


def predictions(
    setup: Setup, train: Samples, validation: Samples, seed: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Trains on all samples from a seed, and asks.

    Returns:
        By name, the predicted effect of leaving out each sample on each of the `MEASURES`, shape `(n, 2)`; and facts:
        times in seconds, horizons, smoothness.
    """
    from tfdrop.influence import ConjugateGradient, InfluenceModel, SmoothnessWarning, replay_influence

    run = training(setup, train, seed, record=True)
    run.backward()
    facts = {"training": _timed(lambda: [None for _ in run.dispatches()])[1]}
    effects: dict[str, Any] = {}
    for horizon, title in ((1.0, "replay"), ("auto", "replay, automatic horizon"), (0.5, "replay, last half")):
        found = []
        for measure in MEASURES:
            each, took = _timed(lambda: replay_influence(run, validation, measure, horizon=horizon, verbose=0))  # noqa: B023
            found.append(each.removal_effect)
            facts.setdefault(title, took)
            facts[f"{title}: horizon for {measure}"] = each.horizon
        effects[title] = np.stack(found, axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmoothnessWarning)
        last_step = replay_influence(run, validation, horizon=1 / run.steps, smoothness=True, verbose=0)
    facts["smoothness"] = last_step.smoothness
    loss = run.loss
    for curvature, title in CURVATURES.items():
        model = InfluenceModel(run.model, train, loss, curvature=curvature, batch_size=250, seed=seed, verbose=0)
        found = [
            model.total(validation, solver=ConjugateGradient(on_divergence="adapt"), measure=measure).removal_effect
            for measure in MEASURES
        ]
        effects[f"influence, {title}"] = np.stack(found, axis=1)
    simple = simple_scores(run.model, loss, train, seed)
    return effects | {name: np.tile(values[:, None], 2) for name, values in simple.items()}, facts


def kept_predictions(
    setup: Setup, train: Samples, validation: Samples, seed: int, folder: Path
) -> dict[str, np.ndarray]:
    """Returns the effects of `predictions`, read from a folder, or asked for and kept there."""
    path = folder / f"effects_seed{seed}.npz"
    if not path.exists():
        effects, _ = predictions(setup, train, validation, seed)
        replace(path, lambda partial: np.savez(partial, **effects))
        print(f"{path.name}: written", flush=True)
    with np.load(path) as kept:
        return dict(kept)


def _timed(function):
    start = time.perf_counter()
    return function(), time.perf_counter() - start
