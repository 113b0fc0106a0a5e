"""What is compared with the retrainings: predicted effects of leaving out each sample of one training."""

import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.influence_validity.images import Samples
from benchmarks.influence_validity.network import simple_scores
from benchmarks.replay_validity.setups import AnySetup
from tfdrop.checkpoint import replace

CURVATURES = {"hessian": "Hessian", "gauss_newton": "Gauss-Newton"}


def predictions(
    setup: AnySetup, train: Samples, validation: Samples, seed: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Trains on all samples from a seed, and asks.

    Returns:
        By name, the predicted effect of leaving out each sample on each of the setup's measures, shape `(n, 2)`; and
        facts: times in seconds, horizons, smoothness.
    """
    from tfdrop.influence import ConjugateGradient, InfluenceModel, SmoothnessWarning, replay_influence

    run = setup.training(train, seed, record=True)
    asked = setup.asked(run)
    run.backward()
    facts = {"training": _timed(lambda: [None for _ in run.dispatches()])[1]}
    effects: dict[str, Any] = {}
    for horizon, title in ((1.0, "replay"), ("auto", "replay, automatic horizon"), (0.5, "replay, last half")):
        found = []
        for measure in setup.measures:
            question = partial(replay_influence, run, validation, measure, model=asked, horizon=horizon, verbose=0)
            each, took = _timed(question)
            found.append(each.removal_effect)
            facts.setdefault(title, took)
            facts[f"{title}: horizon for {measure}"] = each.horizon
        effects[title] = np.stack(found, axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmoothnessWarning)
        last_step = replay_influence(run, validation, model=asked, horizon=1 / run.steps, smoothness=True, verbose=0)
    facts["smoothness"] = last_step.smoothness
    loss = run.loss
    for curvature, title in CURVATURES.items():
        model = InfluenceModel(asked, train, loss, curvature=curvature, batch_size=250, seed=seed, verbose=0)
        found = [
            model.total(validation, solver=ConjugateGradient(on_divergence="adapt"), measure=measure).removal_effect
            for measure in setup.measures
        ]
        effects[f"influence, {title}"] = np.stack(found, axis=1)
    simple = simple_scores(asked, loss, model.losses(), train, seed)
    return effects | {name: np.tile(values[:, None], 2) for name, values in simple.items()}, facts


def kept_predictions(
    setup: AnySetup, train: Samples, validation: Samples, seed: int, folder: Path
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
