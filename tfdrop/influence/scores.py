"""Influence of every training sample on the summed validation loss: eq. (1) and (2) of the data dropout paper."""

from dataclasses import dataclass

import numpy as np
from keras import ops

from tfdrop.influence.phases import Phases
from tfdrop.influence.problem import Problem
from tfdrop.influence.solvers.driver import get_solver, solve
from tfdrop.influence.solvers.spectrum import Spectrum


@dataclass(frozen=True)
class Influence:
    """What `total_influence` found.

    Attributes:
        scores: Array of shape `(n,)`, eq. (1) summed over the validation samples: the change of the summed
            validation loss when a training sample is weighted up. Positive means unfavorable: leaving the
            sample out lowers the validation loss.
        solution: The vector `s` of eq. (2), `(curvature + damping I)^-1` times the validation gradient.
        residual: `|v - (curvature + damping I) s| / |v|` of that solution, measured on up to 8,192 training
            samples (by conjugate gradients: on all); 0 is exact, 1 no better than `s = 0`.
        converged: Whether the residual is within the solver's tolerance.
        curvature: `"hessian"` or `"gauss_newton"`.
        damping: What was added to the curvature's eigenvalues, in plain units.
        scale: LiSSA's scale; `None` of other solvers.
        spread: Relative spread between LiSSA's repeats, where there are several.
        spectrum: Extremal eigenvalues of the curvature on up to 256 training samples, undamped.
        history: The solver's progress, `(repeat, step, relative residual)`.
    """

    scores: np.ndarray
    solution: np.ndarray
    residual: float
    converged: bool
    curvature: str
    damping: float
    scale: float | None
    spread: float | None
    spectrum: Spectrum
    history: list

    @property
    def removal_effect(self):
        """Predicted change of the summed validation loss when a sample is left out: `-scores / n`."""
        return -self.scores / len(self.scores)


def total_influence(
    model,
    train,
    validation,
    loss=None,
    solver="lissa",
    curvature="hessian",
    damping="auto",
    variables=None,
    batch_size=64,
    seed=0,
    verbose="auto",
    checkpoint=None,
):
    """Returns the influence of every training sample on the summed validation loss, eq. (1).

    Influence is linear in the validation gradient, so one solve for the gradient of the SUM gives what the
    paper gets by adding up one solve a validation sample (section III-D; `influence_matrix` has those). The scores of
    all training samples then take one forward-mode pass over the training data, with the memory of one batch.

    Args:
        model: A built Keras model with one output. It runs in inference mode.
        train: Arrays `(x, y)` of training samples; `x` may be a structure of arrays. Or a data set of `(x, y)` batches
            (`tf.data.Dataset`, `keras.utils.PyDataset`, a list) that gives the same batches on every pass.
        validation: Arrays `(x, y)`, or a data set of `(x, y)` batches, whose shapes may differ.
        loss: The training loss, per sample; by default the one that the model was compiled with.
        solver: `"lissa"`, `"cg"`, `"exact"`; or a `LiSSA`, `ConjugateGradient` or `Exact`.
        curvature: `"hessian"`, as in the paper, or `"gauss_newton"`, which has no negative eigenvalues.
        damping: Number added to every eigenvalue of the curvature; `"auto"` takes 1 % of the largest, or
            twice the most negative if that is more.
        variables: A layer, or a list of layers and trainable variables, to restrict the influence to; by default all
            trainable variables.
        batch_size: Samples a step of the passes over arrays: validation, spectrum, residual, scores.
        seed: Integer seed of the solver and of the samples that the spectrum and residual are measured on.
        verbose: Progress as in `keras.Model.fit`: 0, 1, 2 or `"auto"`.
        checkpoint: A `tfdrop.checkpoint.Checkpoint` to save every phase in and to go on from; the result is that
            of a computation that was never stopped, to the bit where the device is.

    Returns:
        An `Influence`.

    Raises:
        ValueError: If an argument is out of range; if the data is empty, not finite or has labels out of range; if the
            validation gradient is zero or not finite.
        DivergenceError: If the damped curvature is not positive definite, or the solve grew without bound or is
            no better than zero.
        OutOfTime: If the checkpoint's deadline is near; everything is saved.
    """
    solver = get_solver(solver)
    phases = Phases(checkpoint, model, solver=solver, curvature=curvature, damping=damping, seed=seed)
    problem = Problem(model, train, loss, curvature, damping, variables, batch_size, seed, verbose, phases, solver)
    target = problem.validation_gradient(validation)
    solution, system = solve(problem, solver, target, phases, verbose=verbose)
    return Influence(
        scores=-problem.gradients_times([solution.vector])[:, 0],
        solution=ops.convert_to_numpy(solution.vector),
        residual=solution.residual,
        converged=solution.converged,
        curvature=problem.curvature.kind,
        damping=system.damping,
        scale=solution.scale,
        spread=solution.spread,
        spectrum=problem.spectrum,
        history=solution.history,
    )
