"""The equations of influence for problems that NumPy solves on its own."""

import numpy as np

from tfdrop.influence.autodiff.tensorflow import Autodiff
from tfdrop.influence.curvature import Curvature, DampedSystem
from tfdrop.influence.per_sample_loss import PerSampleLoss
from tfdrop.influence.rough_curvature import RoughCurvature
from tfdrop.influence.training_data import TrainingData

DAMPING = 0.02


def system_of(problem, damping=DAMPING, measured_samples=10**6, losses=None, batch_size=16):
    """Returns the `DampedSystem` of a `SoftmaxRegression`."""
    autodiff = Autodiff(problem.model, PerSampleLoss(problem.model.loss))
    target = autodiff.gradient(problem.x_validation, problem.y_validation)
    data = TrainingData((problem.x, problem.y), batch_size=batch_size, seed=0)
    curvature = Curvature(autodiff)
    rough = RoughCurvature(curvature, data, losses)
    return DampedSystem(curvature, damping, target, data, data.part(measured_samples), rough)


def exact_solution(problem, damping=DAMPING):
    target = problem.gradients(problem.x_validation, problem.y_validation).sum(0)
    return np.linalg.solve(problem.hessian() + damping * np.eye(target.size), target)


def relative_error(found, expected):
    return np.linalg.norm(np.asarray(found) - expected) / np.linalg.norm(expected)
