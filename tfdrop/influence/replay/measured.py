"""Where a replay starts: the measure at the end of a training, and its derivative with respect to the last state."""

from typing import Any

import numpy as np
from keras import ops

from tfdrop.influence.autodiff import verified_autodiff
from tfdrop.influence.checks import SampleCheck
from tfdrop.influence.measures import measure_loss
from tfdrop.influence.objective import Objective, try_model
from tfdrop.influence.user_data import UserData
from tfdrop.influence.validation_data import ValidationData
from tfdrop.progress import Progress
from tfdrop.training import Training
from tfdrop.training.step_function import State, differentiable, differentiable_slots


def measured(
    training: Training, validation: Any, measure: Any, batch_size: int, verbose: int | str
) -> tuple[float, State]:
    """Returns the measure summed over the validation samples, and its cotangent.

    Args:
        training: A finished `Training`.
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
    model = training.model
    first = next((x for x, _, _ in UserData("validation", validation).batches(2)), None)
    if first is None:
        raise _invalid("at least one sample. Received: none")
    try_model("validation", model, first)
    objective = Objective(model, measure_loss(measure, training.loss), None, None, first)
    check = SampleCheck("validation", objective.losses, objective.output_shapes)
    data = ValidationData(validation, objective, batch_size, check)
    others = [model.non_trainable_variables[p] for p in differentiable(model.non_trainable_variables)]
    variables = [*model.trainable_variables, *others]
    autodiff = verified_autodiff(objective.model, objective.loss, variables)
    value, gradient = 0.0, 0.0
    with Progress("Measuring the validation set", data.batch_count, verbose) as progress:
        for x, y in data.batches():
            value += float(np.sum(ops.convert_to_numpy(objective.losses_of(x, y)), dtype="float64"))
            gradient = gradient + autodiff.gradient(x, y)
            progress.advance()
    parts = _split(ops.convert_to_numpy(gradient), variables)
    norm = np.sqrt(sum(np.sum(np.square(part, dtype="float64")) for part in parts))
    if not 0 < norm < np.inf:
        raise _invalid(f"data with a finite measure and a nonzero gradient of it. Received: gradient norm {norm}")
    weights = len(model.trainable_variables)
    slots = [training.optimizer.variables[place] for place in differentiable_slots(training.optimizer)]
    nothing = [np.zeros(slot.shape, slot.dtype) for slot in slots]
    return value, State(parts[:weights], parts[weights:], nothing)


def _split(flat, variables):
    """Returns a flat vector as an array for each variable, of its shape and type."""
    ends = np.cumsum([int(np.prod(variable.shape)) for variable in variables])[:-1]
    parts = zip(np.split(flat, ends), variables, strict=True)
    return [part.reshape(variable.shape).astype(variable.dtype) for part, variable in parts]


def _invalid(rest):
    return ValueError(f"Invalid value received for argument `validation`. Expected {rest}")
