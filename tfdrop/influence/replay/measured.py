"""Where a replay starts: the measure at the end of a training, and its derivative with respect to the last state."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tfdrop.arguments import invalid
from tfdrop.influence.autodiff import verified_autodiff
from tfdrop.influence.checks import SampleCheck
from tfdrop.influence.measures import measure_loss
from tfdrop.influence.objective import Objective, try_model
from tfdrop.influence.user_data import UserData
from tfdrop.influence.validation_data import ValidationData
from tfdrop.progress import Progress
from tfdrop.training import Training
from tfdrop.training.step_function import State, differentiable_slots


def measured(
    training: Training,
    model: keras.Model | None,
    validation: Any,
    measure: Any,
    batch_size: int,
    verbose: int | str,
) -> tuple[float, State]:
    """Returns the measure summed over the validation samples, and its cotangent.

    Args:
        training: A finished `Training`.
        model: The model to measure; `None` for the training's.
        validation: As `total_influence` takes it.
        measure: As `replay_influence` takes it.
        batch_size: Samples per step, of arrays.
        verbose: As in `Progress`.

    Returns:
        The sum, and a `State` with its derivative with respect to the weights, the moving statistics, and the
        optimizer's slots, which is zero.

    Raises:
        ValueError: If the validation data or the measure does not fit the model, or the derivative is zero or not
            finite.
    """
    model = training.model if model is None else model
    first = next((x for x, _, _ in UserData("validation", validation).batches(2)), None)
    if first is None:
        raise _invalid("at least one sample. Received: none")
    try_model("validation", model, first)
    objective = Objective(model, measure_loss(measure, training.loss), None, None, first)
    check = SampleCheck("validation", objective.losses, objective.output_shapes)
    data = ValidationData(validation, objective, batch_size, check)
    moving = training.model.non_trainable_variables
    state = training.model.trainable_variables, [moving[place] for place in training.backward().moving]
    variables = _of_model(model, [*state[0], *state[1]])
    autodiff = verified_autodiff(objective.model, objective.loss, variables)
    value, gradient = 0.0, 0.0
    with Progress("Measuring the validation set", data.batch_count, verbose, unit="batches") as progress:
        for x, y in data.batches():
            value += float(np.sum(ops.convert_to_numpy(objective.losses_of(x, y)), dtype="float64"))
            gradient = gradient + autodiff.gradient(x, y)
            progress.advance()
    parts = _by_variable(ops.convert_to_numpy(gradient), variables)
    norm = np.sqrt(sum(np.sum(np.square(part, dtype="float64")) for part in parts.values()))
    if not 0 < norm < np.inf:
        raise _invalid(f"data with a finite measure and a nonzero gradient of it. Received: gradient norm {norm}")
    weights, moved = ([parts.get(id(v), np.zeros(v.shape, v.dtype)) for v in group] for group in state)
    slots = [training.optimizer.variables[place] for place in differentiable_slots(training.optimizer)]
    nothing = [np.zeros(slot.shape, slot.dtype) for slot in slots]
    return value, State(weights, moved, nothing)


def _of_model(model, variables):
    """Returns those of a training's variables that a model has too.

    Raises:
        ValueError: If it has none of the weights.
    """
    own = {id(variable) for variable in model.variables}
    found = [variable for variable in variables if id(variable) in own]
    if not any(variable.trainable for variable in found):
        raise invalid("model", "a model with weights of the training's", model)
    return found


def _by_variable(flat, variables):
    """Returns the parts of a flat vector, of each variable's shape and type, by the variable's identity."""
    ends = np.cumsum([int(np.prod(variable.shape)) for variable in variables])[:-1]
    parts = zip(np.split(flat, ends), variables, strict=True)
    return {id(variable): part.reshape(variable.shape).astype(variable.dtype) for part, variable in parts}


def _invalid(rest):
    return ValueError(f"Invalid value received for argument `validation`. Expected {rest}")
