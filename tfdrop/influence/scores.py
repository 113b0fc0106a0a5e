"""Influence of every training sample on the summed validation loss: eq. (1) and (2) of the data dropout paper."""

import itertools
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from tfdrop.data.samples import batch_count, batches, count, stream
from tfdrop.influence.curvature import Curvature, norm, relative_residual
from tfdrop.influence.lissa import DivergenceError, LiSSA
from tfdrop.influence.per_sample_loss import per_sample_loss
from tfdrop.influence.phases import Phases
from tfdrop.influence.spectrum import Spectrum, lanczos
from tfdrop.progress import Progress

SPECTRUM_SAMPLES = 256
RESIDUAL_SAMPLES = 1024


@dataclass(frozen=True)
class Influence:
    """What `total_influence` found.

    Attributes:
        scores: Array of shape `(n,)`, eq. (1) summed over the validation samples: the change of the summed
            validation loss when a training sample is weighted up. Positive means unfavorable: leaving the
            sample out lowers the validation loss.
        solution: The vector `s` of eq. (2), `(curvature + damping I)^-1` times the validation gradient.
        residual: `|v - (curvature + damping I) s| / |v|` of that solution, measured on up to 1,024 training
            samples; 0 is exact, 1 no better than `s = 0`.
        curvature: `"hessian"` or `"gauss_newton"`.
        damping: What was added to the curvature's eigenvalues, in plain units.
        scale: LiSSA's scale.
        spectrum: Extremal eigenvalues of the curvature on up to 256 training samples, undamped.
        history: The solver's progress, `(repeat, step, relative residual of that step's batch)`.
    """

    scores: np.ndarray
    solution: np.ndarray
    residual: float
    curvature: str
    damping: float
    scale: float
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
    batch_size=64,
    seed=0,
    verbose="auto",
    checkpoint=None,
):
    """Returns the influence of every training sample on the summed validation loss, eq. (1).

    Influence is linear in the validation gradient, so one solve for the gradient of the SUM gives what the
    paper gets by adding up one solve a validation sample (section III-D). The scores of all training samples
    then take one forward-mode pass over the training data.

    Args:
        model: A built Keras model with one output. It runs in inference mode.
        train: Arrays `(x, y)` of training samples.
        validation: Arrays `(x, y)`, or an iterable of `(x, y)` batches whose shapes may differ.
        loss: The training loss, per sample; by default the one that the model was compiled with.
        solver: `"lissa"` or a `LiSSA`.
        curvature: `"hessian"`, as in the paper, or `"gauss_newton"`, which has no negative eigenvalues.
        damping: Number added to every eigenvalue of the curvature; `"auto"` takes 1 % of the largest, or
            twice the most negative if that is more.
        batch_size: Samples a step of the passes over data: validation arrays, spectrum, residual, scores.
        seed: Integer seed of the solver and of the samples that the spectrum and residual are measured on.
        verbose: Progress as in `keras.Model.fit`: 0, 1, 2 or `"auto"`.
        checkpoint: A `tfdrop.checkpoint.Checkpoint` to save every phase in and to go on from; the result is that
            of a computation that was never stopped, to the bit where the device is.

    Returns:
        An `Influence`.

    Raises:
        ValueError: If an argument is out of range, the data is empty, or the validation gradient is zero or
            not finite.
        DivergenceError: If the damped curvature is not positive definite, or the solve grew without bound or is
            no better than zero.
        OutOfTime: If the checkpoint's deadline is near; everything is saved.
    """
    solver = _solver(solver)
    samples = count(train)
    train = keras.tree.map_structure(np.asarray, train)
    autodiff = _autodiff(model, per_sample_loss(loss if loss is not None else getattr(model, "loss", None)))
    curvature = Curvature(autodiff, train, curvature)
    probe = stream(seed, 3).permutation(samples)

    phases = Phases(checkpoint)

    target = _summed_gradient(autodiff, validation, batch_size, verbose, phases)
    spectrum = _spectrum(curvature, probe[:SPECTRUM_SAMPLES], batch_size, phases)
    damping = _damping(damping, spectrum)
    if damping + spectrum.smallest < -1e-6 * spectrum.largest:  # beyond rounding
        raise DivergenceError(
            f"The {curvature.kind} has eigenvalues from {spectrum.smallest:.4g} to {spectrum.largest:.4g}, so with a "
            f"damping of {damping:.4g} it is not positive definite and the solve cannot converge. Try damping well "
            f"above {-spectrum.smallest:.4g}, or curvature='gauss_newton', which has no negative eigenvalues"
        )
    solution = solver.solve(
        curvature,
        target,
        samples,
        damping,
        seed,
        verbose,
        start=phases.start("solve"),
        after_step=lambda state: phases.after_step("solve", state),
    )
    residual = relative_residual(curvature, solution.vector, target, damping, probe[:RESIDUAL_SAMPLES], batch_size)
    if not residual < 1:
        raise DivergenceError(
            f"The solve ended with a relative residual of {residual:.3g}, no better than zero (1). "
            f"The {curvature.kind}'s eigenvalues reach from {spectrum.smallest:.4g} to {spectrum.largest:.4g}; "
            f"damping is {damping:.4g}, scale {solution.scale:.4g}. "
            "Try more damping, a larger batch_size or depth of the solver, or curvature='gauss_newton'"
        )
    return Influence(
        scores=-_directional_derivatives(autodiff, train, solution.vector, batch_size, verbose, phases),
        solution=ops.convert_to_numpy(solution.vector),
        residual=residual,
        curvature=curvature.kind,
        damping=damping,
        scale=solution.scale,
        spectrum=spectrum,
        history=solution.history,
    )


def _solver(solver):
    if solver == "lissa":
        return LiSSA()
    if isinstance(solver, LiSSA):
        return solver
    raise ValueError(
        "Invalid value received for argument `solver`. "
        f'Expected "lissa" or a tfdrop.influence.LiSSA. Received: solver={solver!r}'
    )


def _autodiff(model, loss):
    """Returns the running backend's `Autodiff`."""
    if not model.built:
        raise ValueError(
            "Invalid value received for argument `model`. Expected a built model: call it on data first. "
            f"Received: model={model.name!r}, not built"
        )
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from tfdrop.influence.autodiff_tensorflow import Autodiff
    elif backend == "jax":
        from tfdrop.influence.autodiff_jax import Autodiff
    else:
        raise ValueError(f"Influence needs the tensorflow or jax backend. Received: {backend}")
    return Autodiff(model, loss)


def _damping(damping, spectrum):
    if damping == "auto":
        return max(0.01 * spectrum.largest, -2.0 * spectrum.smallest)
    if not (isinstance(damping, int | float) and damping >= 0):
        raise ValueError(
            "Invalid value received for argument `damping`. "
            f'Expected a number of at least 0 or "auto". Received: damping={damping!r}'
        )
    return float(damping)


def _summed_gradient(autodiff, validation, batch_size, verbose, phases):
    """Returns the gradient of the validation loss, summed over the validation samples."""
    start = phases.start("target")
    total, done = start.get("total", 0.0), int(start.get("batches", 0))

    def state():
        return {"total": ops.convert_to_numpy(total), "batches": done}

    with Progress("Validation gradient", batch_count(validation, batch_size), verbose) as progress:
        progress.advance(done)
        for x, y in itertools.islice(batches(validation, batch_size), done, None):
            total = total + autodiff.gradient(x, y)
            done += 1
            progress.advance()
            phases.after_step("target", state)
    if done == 0:
        raise ValueError(
            "Invalid value received for argument `validation`. Expected at least one batch. Received: none"
        )
    total = ops.convert_to_tensor(total)
    if not 0 < norm(total) < float("inf"):
        raise ValueError(
            "Invalid value received for argument `validation`. "
            f"Expected data with a finite, nonzero loss gradient. Received: gradient norm {norm(total)}"
        )
    return total


def _spectrum(curvature, indices, batch_size, phases):
    """Returns the `Spectrum` of the curvature on the training samples at `indices`."""
    start = phases.start("spectrum")
    if start:
        return Spectrum(*start["values"].tolist())
    spectrum = lanczos(lambda v: curvature.product(v, indices, batch_size), curvature.size)
    phases.after_step("spectrum", lambda: {"values": np.array(spectrum)})
    return spectrum


def _directional_derivatives(autodiff, train, vector, batch_size, verbose, phases):
    """Returns every training sample's loss gradient times `vector`, shape `(n,)`."""
    start = phases.start("scores")
    parts, done = ([start["values"]], int(start["batches"])) if start else ([], 0)

    def state():
        return {"values": np.concatenate(parts), "batches": done}

    with Progress("Scoring samples", batch_count(train, batch_size), verbose) as progress:
        progress.advance(done)
        for x, y in itertools.islice(batches(train, batch_size), done, None):
            parts.append(ops.convert_to_numpy(autodiff.directional_derivatives(x, y, vector)))
            done += 1
            progress.advance()
            phases.after_step("scores", state)
    return np.concatenate(parts)
