"""Whether a training can be walked backwards: its step's derivative, checked before the first step is taken."""

import importlib
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from tfdrop.functional.double_precision import computes_in_half
from tfdrop.training.replayable_optimizer import check_optimizer
from tfdrop.training.replicas import replicas
from tfdrop.training.step_function import differentiable, in_double, read_state

if TYPE_CHECKING:
    from tfdrop.training.loop import Training

CHECKED_SAMPLES = 32
STEPS = (1e-7, 1e-8, 1e-6, 1e-5, 1e-4)  # of the length of the weights: some layers rank, some round to float32 inside
TOLERANCE = 0.01  # relative to each variable's part
AWAY = 0.1  # of the length of the weights: first weights are often zeros, where a penalty or a layer may have a kink
INSIGNIFICANT = 1e-3  # what is smaller than this share of the whole need not be right
SEED = 20


def checked_backward(training: "Training") -> Any:
    """Returns a training's `BackwardStep`: the first kind whose derivatives central differences confirm.

    Both are in float64, so that they agree to many digits or not at all. What was confirmed before a training was
    recorded is in its record.

    Backwards twice comes first: it takes no longer than forward over backward, half the time to trace on TensorFlow,
    and knows loops and conditions.

    Raises:
        ValueError: If the optimizer or the model cannot be replayed.
    """
    kind = importlib.import_module(f"tfdrop.training.backward_{keras.backend.backend()}").BackwardStep
    arguments = training.model, training.optimizer, training.loss, training.train
    known = training.record.verdict if training.record is not None else None
    if known is None:
        training.seed_random_layers()
        state = read_state(training.model, training.optimizer)
    verdict = known or _verdict(kind, arguments, training, state)
    dtype = "float32" if computes_in_half(training.model) else None
    walking = _kind_on_replicas() if replicas(training.model) > 1 else kind
    with training.scope():
        backward = walking(*arguments, verdict["moving"], dtype=dtype, reverse=verdict["reverse"])
    if known is None:
        check_optimizer(backward, training, state)
        if training.record is not None:
            training.record.note(verdict)
    return backward


def _kind_on_replicas():
    """Returns the class of the steps that several replicas walk back together."""
    from tfdrop.training import sharded_backward_tensorflow

    return sharded_backward_tensorflow.ShardedBackwardStep


def _verdict(kind, arguments, training, state):
    """Returns which way to differentiate, and the places of the moving statistics, as plain values."""
    floating = differentiable(training.model.non_trainable_variables)
    problems = []
    for reverse in (True, False):
        try:
            backward = kind(*arguments, floating, dtype="float64", reverse=reverse)
            dependent = _dependent(backward, training, state)
            apart = _inaccuracy(backward, training, state, dependent)
        except Exception as error:  # TensorFlow, Keras and JAX raise all kinds for what they cannot differentiate
            problems.append(f"{type(error).__name__}: {str(error).strip().splitlines()[0][:120]}")
            continue
        if apart <= 1:
            return {"reverse": reverse, "moving": [floating[number] for number in dependent]}
        problems.append(f"off by {apart * TOLERANCE:.2g} times its size")
    raise ValueError(
        "Invalid value received for argument `record`. Expected a model whose training steps can be differentiated "
        f"twice. Received: the model {training.model.name!r}, of which reverse over reverse and forward over backward "
        f"derivatives fail ({'; '.join(problems)})"
    )


def _dependent(backward, training, state):
    """Returns the moving statistics, by their numbers: the variables whose next values depend on the weights.

    Others, such as the rate of a drop layer, are as constant as the data.
    """
    indices = training.batch(training.step)[:CHECKED_SAMPLES]
    ones = np.ones(len(indices), "float64")
    none = [np.zeros(weight.shape) for weight in state.weights]
    found = []
    for number, place in enumerate(backward.moving):
        cotangent = [np.full(state.others[each].shape, float(each == place)) for each in backward.moving]
        weights, moving, _ = backward.products(state, indices, ones, none, cotangent)[1]
        others = [*moving[:number], *moving[number + 1 :]]  # on itself it may depend
        if any(np.any(in_double(part)) for part in (*weights, *others)):
            found.append(number)
    return found


def _inaccuracy(backward, training, state, dependent):
    """Returns the largest distance of a step's derivatives to central differences, in units of the tolerance."""
    rng = np.random.default_rng(SEED)
    indices = training.batch(training.step)[:CHECKED_SAMPLES]
    ones = np.ones(len(indices), "float64")
    direction, away = ([_probe(rng, weight) for weight in state.weights] for _ in range(2))
    moving = [state.others[place] for place in backward.moving]
    cotangent = [rng.standard_normal(each.shape) * (number in dependent) for number, each in enumerate(moving)]
    nothing = [np.zeros(each.shape) for each in moving]
    length = np.sqrt(sum(np.sum(np.square(d)) for d in direction))
    scale = max(np.sqrt(sum(np.sum(np.square(w.astype("float64"))) for w in state.weights)), 1e-3) / length
    state = _moved(state, away, AWAY * scale)

    _, found = backward.products(state, indices, ones, direction, nothing)
    nearest = _asymmetry(backward.products(state, indices, ones, away, nothing)[1][0], direction, found[0], away)
    if nearest > 1:
        return nearest
    nearest = np.inf
    for step in STEPS:
        above, below = (_moved(state, direction, sign * step * scale) for sign in (1, -1))
        ends = [backward.products(end, indices, ones, direction, nothing)[0] for end in (above, below)]
        differences = keras.tree.map_structure(lambda up, down: in_double(up) - in_double(down), *ends)
        expected = keras.tree.map_structure(lambda each: each / (2 * step * scale), differences)  # noqa: B023
        nearest = min(nearest, _distance(found, expected, dependent))
        if nearest <= 1:
            break
    if not dependent:
        return nearest
    none = [np.zeros(weight.shape) for weight in state.weights]
    with_moving, found = backward.products(state, indices, ones, none, cotangent, share=1.0)
    without, _ = backward.products(state, indices, ones, none, cotangent)
    expected = keras.tree.map_structure(lambda one, two: in_double(one) - in_double(two), with_moving, without)
    return max(nearest, _distance(found, expected, dependent))


def _asymmetry(product_of_one, two, product_of_two, one):
    """Returns how far a matrix is from its transposed, which a step back needs, in units of the tolerance.

    It is symmetric unless what is called a gradient is none, as a gradient of the user's own may be.
    """
    pairs = ((product_of_one, two), (product_of_two, one))
    here, there = (sum(np.sum(in_double(a) * b) for a, b in zip(*pair, strict=True)) for pair in pairs)
    lengths = [np.sqrt(sum(np.sum(np.square(in_double(part))) for part in parts)) for parts in (product_of_one, two)]
    allowed = TOLERANCE * max(abs(here), abs(there)) + INSIGNIFICANT * TOLERANCE * np.prod(lengths) + 1e-12
    distance = abs(here - there) / allowed
    return distance if np.isfinite(distance) else np.inf


def _probe(rng, weight):
    """Returns a random direction of about a weight's own size."""
    size = max(float(np.sqrt(np.mean(np.square(weight.astype("float64"))))), 1e-2)
    return size * rng.standard_normal(weight.shape)


def _moved(state, direction, step):
    weights = [w.astype("float64") + step * d for w, d in zip(state.weights, direction, strict=True)]
    return state._replace(weights=weights)


def _distance(found, expected, dependent):
    """Returns the largest distance of any variable's part, in units of what is allowed there.

    Of variables that are as constant as the data, nobody asks for a derivative.
    """
    worst = 0.0
    (weights, moving, samples), expected = found, [keras.tree.map_structure(in_double, group) for group in expected]
    parts = [(weights, expected[0]), ([moving[n] for n in dependent], [expected[1][n] for n in dependent])]
    variables = [pair for ours, theirs in parts for pair in zip(ours, theirs, strict=True)]
    for group in (variables, [(samples, expected[2])]):
        whole = np.sqrt(sum(np.sum(np.square(theirs)) for _, theirs in group))
        for ours, theirs in group:
            allowed = TOLERANCE * np.linalg.norm(theirs) + INSIGNIFICANT * whole + 1e-12
            distance = np.linalg.norm(in_double(ours) - theirs) / allowed
            worst = max(worst, distance if np.isfinite(distance) else np.inf)
    return worst
