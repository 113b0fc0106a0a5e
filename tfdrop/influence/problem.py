"""What influence computations start from: model, loss and training data, checked, with derivatives and spectrum."""

import functools

import keras
import numpy as np
from keras import ops

from tfdrop.arguments import check_choice, check_whole, invalid, is_number
from tfdrop.data.samples import take
from tfdrop.environment import rounds_coarsely
from tfdrop.influence.autodiff import verified_autodiff
from tfdrop.influence.checks import SampleCheck, check_weights, chosen_variables
from tfdrop.influence.curvature import COARSE_ROUNDING, CURVATURES, ROUNDING, Curvature
from tfdrop.influence.measures import measure_loss
from tfdrop.influence.objective import Objective, try_model
from tfdrop.influence.phases import weights_digest
from tfdrop.influence.prepared_data import PreparedData
from tfdrop.influence.rough_curvature import RoughCurvature
from tfdrop.influence.solvers.spectrum import SPECTRUM_STEPS
from tfdrop.influence.tensor_derivatives import directional_derivative
from tfdrop.influence.training_data import TrainingData
from tfdrop.influence.user_data import UserData
from tfdrop.influence.validation_data import ValidationData
from tfdrop.layers.participation import Participation
from tfdrop.progress import Progress
from tfdrop.training.replicas import replicas


class Problem:
    """A model at its weights, its training loss and training data, and the curvature that belongs to them.

    Args: As for `tfdrop.influence.InfluenceModel`.

    Attributes:
        model: The model.
        settings: What the results depend on beside model, data and solver, by name.
        seed: The seed.
        autodiff: The `VerifiedAutodiff` of the model; its `checks` tell how each derivative is computed.
        curvature: The `Curvature`.
        rough: The `RoughCurvature` of few samples.
        data: The `TrainingData`.
    """

    def __init__(
        self, model, train, *, loss=None, curvature="hessian", damping="auto", variables=None, batch_size=64, seed=0,
        verbose=0, loss_weights=None, class_weight=None,
    ):  # fmt: skip
        check_weights(model)
        self.model = model
        self.seed = seed
        self.settings = {"curvature": curvature, "damping": _check_damping(damping), "seed": seed}
        # Checkpoints of earlier releases have no such settings.
        added = {"loss_weights": loss_weights, "class_weight": class_weight}
        self.settings |= {name: value for name, value in added.items() if value is not None}
        _rest(model)
        self._weights_digest = weights_digest(model)
        self._damping = damping
        self._batch_size = check_whole("batch_size", batch_size)
        self._loss = model.loss if loss is None else loss
        self._some = _first_samples(model, train)
        self._objective = Objective(model, loss, loss_weights, class_weight, self._some)
        self._spectrum = None
        data = PreparedData("train", train, self._objective, batch_size)
        check = SampleCheck("train", self._objective.losses, self._objective.output_shapes)
        self.data = TrainingData(data, batch_size, seed, check, verbose, shared=replicas(model) > 1)
        first = take(next(iter(self.data.batches())), slice(None))
        self._objective.check_batch("train", *first)
        self._variables = chosen_variables(model, variables)
        self.autodiff = verified_autodiff(self._objective.model, self._objective.loss, self._variables)
        check_choice("curvature", curvature, CURVATURES)
        rounding = COARSE_ROUNDING if rounds_coarsely(model) else ROUNDING
        self.curvature = Curvature(self.autodiff, self.autodiff.verify(*first, curvature), rounding)
        self.rough = RoughCurvature(self.curvature, self.data, functools.partial(_losses, self._objective, self.data))

    def losses(self):
        """Returns every training sample's loss, shape `(n,)`."""
        return _losses(self._objective, self.data)

    def penalty_derivative(self, vector):
        """Returns the gradient of the weights' regularizers (L2 terms and the like) times a vector, a float."""
        parts = np.split(ops.convert_to_numpy(vector), np.cumsum([np.prod(v.shape) for v in self._variables])[:-1])
        return sum(
            float(directional_derivative(variable.regularizer, variable.value, part.reshape(variable.shape)))
            for variable, part in zip(self._variables, parts, strict=True)
            if variable.regularizer is not None
        )

    def spectrum(self, verbose=0):
        """Returns the curvature's undamped `Spectrum` on a few hundred samples drawn by loss, measured once."""
        if self._spectrum is None:
            steps = min(SPECTRUM_STEPS, self.curvature.size)
            with Progress("Spectrum (Lanczos)", steps, verbose, unit="steps") as progress:
                self._spectrum = self.rough.krylov(steps, after_step=lambda: progress.advance()).spectrum()
        return self._spectrum

    def damping_from(self, spectrum):
        """Returns the damping in plain units: 1 % of the largest eigenvalue, or twice the most negative, if "auto"."""
        if self._damping == "auto":
            return max(0.01 * spectrum.largest, -2.0 * spectrum.smallest)
        return float(self._damping)

    def measured(self, validation, measure):
        """Returns what the influence is on: validation data, and the measure that is summed over it.

        Args:
            validation: As for `InfluenceModel.total`.
            measure: As for `InfluenceModel.total`.

        Returns:
            A `ValidationData`, and the function `(x, y) -> gradient` of the measure's sum over a batch.
        """
        objective, autodiff = self._objective, self.autodiff
        if measure != "loss":
            objective = Objective(self.model, measure_loss(measure, self._loss), None, None, self._some)
            autodiff = verified_autodiff(objective.model, objective.loss, self._variables)
        check = SampleCheck("validation", objective.losses, objective.output_shapes)
        return ValidationData(validation, objective, self._batch_size, check), autodiff.gradient

    def check_unchanged(self):
        """Raises a `ValueError` if the model's weights are not those that the problem was made with."""
        _rest(self.model)
        if weights_digest(self.model) != self._weights_digest:
            raise ValueError(
                "Invalid value received for argument `model`. Expected the weights that the InfluenceModel was made "
                f"with. Received: model={self.model.name!r} with other weights; make a new InfluenceModel"
            )


def _losses(objective, data):
    losses = (objective.losses_of(*take(batch, slice(None))) for batch in data.batches())
    return np.concatenate([ops.convert_to_numpy(each) for each in losses])


def _rest(model):
    """Leaves the coins of `Participation` layers, which scale weight penalties, as in a batch without dropping."""
    for layer in model._flatten_layers():
        if isinstance(layer, Participation):
            layer.coin.assign(False)


def _first_samples(model, train):
    """Returns the `x` of the first two training samples.

    Raises:
        ValueError: If there are none, or the model does not take them.
    """
    for x, _, _ in UserData("train", train).batches(2):
        x = keras.tree.map_structure(lambda array: array[:2], x)
        try_model("train", model, x)
        return x
    raise invalid("train", "at least one sample", train)


def _check_damping(damping):
    if damping != "auto" and not (is_number(damping) and damping >= 0):
        raise invalid("damping", 'a number of at least 0 or "auto"', damping)
    return damping
