"""Whether an optimizer's step can be walked backwards: taken both ways, and its derivative beside differences."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from tfdrop.functional.double_precision import computes_in_half, is_floating
from tfdrop.training.step_function import State, differentiable_slots, in_double, read_state, write_state

if TYPE_CHECKING:
    from tfdrop.training.loop import Training

LARGEST, LARGEST_IN_HALF = 0.05, 0.5  # difference, of a step's length, between the two ways of taking it
STEP = 0.03  # of each number's size: large beside rounding in float32, small beside what is curved
TOLERANCE = 0.05
GRADIENT = 0.1
ROUNDING = 3e-7  # of a number in float32, several times
SEED = 22


def check_optimizer(backward: Any, training: "Training", state: State) -> None:
    """Takes one step both ways, compares the derivative of the next with differences, and goes back.

    Args:
        backward: The training's `BackwardStep`.
        training: The training.
        state: Its state, before a step.

    Raises:
        ValueError: If the optimizer's step as a function is not the one that it takes, or its derivative is wrong.
    """
    optimizer = training.optimizer
    try:
        problem = _problem(backward, training, state)
    except Exception as error:
        problem = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:120]}"
    finally:
        write_state(state, training.model, optimizer)
    if problem:
        raise ValueError(
            "Invalid value received for argument `record`. Expected an optimizer whose step can be differentiated. "
            f"Received: {optimizer.name!r} ({type(optimizer).__name__}): {problem}"
        )


def _problem(backward, training, state):
    """Returns what stands in the way, as text; nothing if all is well."""
    optimizer = training.optimizer
    if optimizer.use_ema and optimizer.ema_overwrite_frequency:
        return "weights that are overwritten by their average"
    batch = training.batch(training.step)
    expected = _state_after(backward, training, state, batch, training.weight_of_each_sample[batch])
    training.take_step()
    found = read_state(training.model, optimizer)
    largest = LARGEST_IN_HALF if computes_in_half(training.model) else LARGEST
    return _difference(state, found, expected, largest) or _misderived(backward, training, found)


def _state_after(backward, training, state, batch, sample_weights):
    """Returns the state after a step that is walked back, too, as every later one will be.

    Raises:
        ValueError: If the cotangent is not finite.
    """
    slots = differentiable_slots(training.optimizer)
    others, moments = [state.others[place] for place in backward.moving], [state.slots[place] for place in slots]
    cotangent = State(state.weights, *([np.zeros_like(each) for each in group] for group in (others, moments)))
    found, _, after = backward.backward(state, batch, sample_weights, cotangent)
    if not all(np.isfinite(in_double(part)).all() for part in keras.tree.flatten(found)):
        raise ValueError("its derivative is not finite")
    return keras.tree.map_structure(in_double, after)


def _difference(before, found, expected, largest):
    """Returns what is another after a step that was taken both ways, as text; nothing if all is alike.

    Numbers are compared as a whole: of single variables some hold mere rounding, such as a bias before a batch
    normalization. Counters, seeds and coins must agree; among numbers their size would hide the rest.
    """
    for name, *groups in zip(State._fields, before, found, expected, strict=True):
        kinds = [is_floating(part) for part in groups[0]]
        counts = zip(*groups[1:], kinds, strict=True)
        parts = (
            [in_double(part).ravel() for part, counted in zip(group, kinds, strict=True) if counted] for group in groups
        )
        start, ours, theirs = (np.concatenate([*part, [0.0]]) for part in parts)
        near = np.linalg.norm(ours - theirs) <= largest * np.linalg.norm(ours - start) + 1e-6
        if not near or any(not kind and not np.array_equal(one, two) for one, two, kind in counts):
            return f"another value of {name} after a step"
    return ""


def _misderived(backward, training, state):
    """Returns what an update's derivative is wrong with respect to, as text; nothing if it is right.

    The gradients are random numbers. Each number is changed by a share of itself, so that squares stay positive and
    nothing changes its sign.
    """
    rng = np.random.default_rng(SEED)
    places = differentiable_slots(training.optimizer)
    gradients = [(GRADIENT * rng.standard_normal(weight.shape)).astype(weight.dtype) for weight in state.weights]
    before = {"gradients": gradients, "weights": state.weights, "slots": [state.slots[place] for place in places]}
    of_weights, of_slots = ([_random_like(rng, part) for part in before[name]] for name in ("weights", "slots"))
    cotangent = State(of_weights, [], of_slots)

    def update(parts):
        slots = list(state.slots)
        for place, slot in zip(places, parts["slots"], strict=True):
            slots[place] = slot
        state_before = State(parts["weights"], state.others, slots)
        (weights, slots), pulled_back = backward.through_optimizer(state_before, parts["gradients"], cotangent)
        after = np.concatenate([in_double(part).ravel() for part in (*weights, *(slots[place] for place in places))])
        return after, pulled_back

    along = np.concatenate([in_double(part).ravel() for part in (*of_weights, *of_slots)])
    pulled_back = update(before)[1]
    for (name, group), found in zip(before.items(), pulled_back, strict=True):
        shares = [rng.uniform(-1, 1, part.shape) for part in group]
        above, below = (update(before | {name: _scaled(group, shares, sign * STEP)})[0] for sign in (1, -1))
        expected = np.sum((above - below) * along) / (2 * STEP)
        ours = sum(np.sum(in_double(c) * s * part) for c, s, part in zip(found, shares, group, strict=True))
        if not abs(ours - expected) <= TOLERANCE * abs(expected) + ROUNDING * np.linalg.norm(above * along) / STEP:
            return f"a derivative with respect to {name} that differences do not confirm"
    return ""


def _random_like(rng, array):
    return rng.standard_normal(array.shape).astype(array.dtype)


def _scaled(arrays, shares, step):
    return [(array * (1 + step * share)).astype(array.dtype) for array, share in zip(arrays, shares, strict=True)]
