"""One question about the influence of training samples in one line: an `InfluenceModel` made, asked and forgotten."""

from typing import Any, TypedDict, Unpack

import keras

from tfdrop.checkpoint import Checkpoint
from tfdrop.influence.influence_model import InfluenceModel, Solver
from tfdrop.influence.matrix import InfluenceMatrix
from tfdrop.influence.scores import Influence
from tfdrop.influence.self_scores import SelfInfluence


class Settings(TypedDict, total=False):
    """The keyword arguments that the one-line forms hand on to `InfluenceModel`."""

    loss: Any
    curvature: str
    damping: float | str
    variables: Any
    batch_size: int
    seed: int
    verbose: int | str
    loss_weights: Any
    class_weight: dict[int, float] | None


def total_influence(
    model: keras.Model,
    train: Any,
    validation: Any,
    *,
    solver: Solver = "lissa",
    measure: Any = "loss",
    regularized_gradients: bool | None = None,
    checkpoint: Checkpoint | None = None,
    **settings: Unpack[Settings],
) -> Influence:
    """Returns the influence of every training sample on the summed validation loss, eq. (1).

    The one-line form of `InfluenceModel(model, train, **settings).total(validation)`.

    Args:
        model, train: As for `InfluenceModel`.
        validation, solver, measure, regularized_gradients, checkpoint: As for `InfluenceModel.total`.
        **settings: `loss`, `curvature`, `damping`, `variables`, `batch_size`, `seed`, `verbose`, `loss_weights`,
            `class_weight`: as for `InfluenceModel`.

    Returns:
        An `Influence`.

    Raises:
        ValueError, DivergenceError, OutOfTime: As for `InfluenceModel.total`.

    Example:

    >>> import keras, numpy as np
    >>> from tfdrop.influence import total_influence
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> found = total_influence(model, (x[:20], y[:20]), (x[20:], y[20:]), loss="mse", solver="cg", verbose=0)
    >>> found.scores.shape, found.converged
    ((20,), True)
    """
    influence = InfluenceModel(model, train, **settings)
    return influence.total(
        validation,
        solver=solver,
        measure=measure,
        regularized_gradients=regularized_gradients,
        checkpoint=checkpoint,
    )


def influence_matrix(
    model: keras.Model,
    train: Any,
    validation: Any,
    *,
    solver: Solver = "lissa",
    basis: int | None = None,
    columns: int | str = "auto",
    measure: Any = "loss",
    regularized_gradients: bool | None = None,
    checkpoint: Checkpoint | None = None,
    **settings: Unpack[Settings],
) -> InfluenceMatrix:
    """Returns the influence of every training sample on every validation sample, eq. (1), in the paper's order.

    The one-line form of `InfluenceModel(model, train, **settings).matrix(validation)`.

    Args:
        model, train: As for `InfluenceModel`.
        validation, solver, basis, columns, measure, regularized_gradients, checkpoint: As for `InfluenceModel.matrix`.
        **settings: As for `total_influence`.

    Returns:
        An `InfluenceMatrix`.

    Raises:
        ValueError, DivergenceError, OutOfTime: As for `InfluenceModel.total`.

    Example:

    >>> import keras, numpy as np
    >>> from tfdrop.influence import influence_matrix
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> found = influence_matrix(model, (x[:20], y[:20]), (x[20:], y[20:]), loss="mse", solver="exact", verbose=0)
    >>> found.scores.shape, bool(found.converged.all())
    ((20, 10), True)
    """
    influence = InfluenceModel(model, train, **settings)
    return influence.matrix(
        validation,
        solver=solver,
        basis=basis,
        columns=columns,
        measure=measure,
        regularized_gradients=regularized_gradients,
        checkpoint=checkpoint,
    )


def self_influence(
    model: keras.Model,
    train: Any,
    *,
    solver: Solver = "cg",
    samples: Any = None,
    basis: int | None = None,
    draws: int | None = None,
    steps: int = 30,
    checkpoint: Checkpoint | None = None,
    **settings: Unpack[Settings],
) -> SelfInfluence:
    """Returns the influence of training samples on their own loss.

    The one-line form of `InfluenceModel(model, train, **settings).self_influence()`, with `curvature="gauss_newton"`
    by default.

    Args:
        model, train: As for `InfluenceModel`.
        solver, samples, basis, draws, steps, checkpoint: As for `InfluenceModel.self_influence`.
        **settings: As for `total_influence`.

    Returns:
        A `SelfInfluence`.

    Raises:
        ValueError, DivergenceError, OutOfTime: As for `InfluenceModel.total`.

    Example:

    >>> import keras, numpy as np
    >>> from tfdrop.influence import self_influence
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> found = self_influence(model, (x, y), loss="mse", basis=5, verbose=0)
    >>> found.scores.shape, bool((found.scores > 0).all())
    ((30,), True)
    """
    settings.setdefault("curvature", "gauss_newton")
    influence = InfluenceModel(model, train, **settings)
    return influence.self_influence(
        solver=solver, samples=samples, basis=basis, draws=draws, steps=steps, checkpoint=checkpoint
    )
