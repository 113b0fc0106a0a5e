"""The influence of training samples: an object that is made once and asked several questions."""

from typing import Any

import keras
import numpy as np

from tfdrop.checkpoint import Checkpoint
from tfdrop.influence.matrix import InfluenceMatrix, matrix
from tfdrop.influence.problem import Problem
from tfdrop.influence.scores import Influence, total
from tfdrop.influence.self_scores import SelfInfluence, self_scores
from tfdrop.influence.solvers.conjugate_gradient import ConjugateGradient
from tfdrop.influence.solvers.driver import get_solver
from tfdrop.influence.solvers.exact import Exact
from tfdrop.influence.solvers.lissa import LiSSA
from tfdrop.influence.solvers.spectrum import Spectrum

Solver = str | LiSSA | ConjugateGradient | Exact


class InfluenceModel:
    """A trained model and its training data, to ask for the influence of training samples.

    The data is checked, the derivatives are compiled and the curvature's eigenvalues are measured once, however many
    questions are asked. `total_influence`, `influence_matrix` and `self_influence` ask one question in one line.

    Args:
        model: A built Keras model. It runs in inference mode: batch normalization uses its moving statistics, and
            dropout is off.
        train: Arrays `(x, y)` or `(x, y, sample_weight)` of training samples: arrays, lists of numbers, pandas columns
            or tensors; `x` and `y` may be structures of them. Or a data set of such batches (`tf.data.Dataset`,
            `keras.utils.PyDataset`, a list) that gives the same batches on every pass.
        loss: The training loss: a Keras loss that is per sample, or a list or dictionary of losses as in
            `keras.Model.compile`; by default what the model was compiled with.
        curvature: `"hessian"`, as in the paper, or `"gauss_newton"`, which has no negative eigenvalues.
        damping: Number added to every eigenvalue of the curvature; `"auto"` takes 1 % of the largest, or twice the
            most negative if that is more. A solver's own damping overrides it.
        variables: A layer, or a list of layers and trainable variables, to restrict the influence to; by default all
            trainable variables.
        batch_size: Samples per step in passes over arrays: validation, spectrum, residual, scores.
        seed: Integer seed of the solvers and of the samples that the spectrum and the residual are measured on.
        verbose: Progress as in `keras.Model.fit`: 0, 1, 2 or `"auto"`.
        loss_weights: Weights of the outputs' losses, as in `keras.Model.compile`; those of the model by default.
        class_weight: Weight of each class in the training loss, as in `keras.Model.fit`; validation samples have none.

    The loss is the one that `fit` minimizes: Keras masks, `ignore_class`, sample weights, class weights and several
    outputs count as they do there, averages being over all of the data instead of over a batch.

    Raises:
        ValueError: If an argument is out of range; if the data is empty, not finite or has labels out of range.

    Example:

    >>> import keras, numpy as np
    >>> from tfdrop.influence import InfluenceModel
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(30, 4)), rng.integers(0, 3, 30)
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    >>> influence = InfluenceModel(model, (x[:20], y[:20]), loss, damping=0.1, verbose=0)
    >>> total = influence.total((x[20:], y[20:]), solver="exact")
    >>> pairs = influence.matrix((x[20:], y[20:]), solver="exact")
    >>> total.scores.shape, pairs.scores.shape
    ((20,), (20, 10))
    >>> bool(np.allclose(pairs.scores.sum(axis=1), total.scores, atol=1e-3))
    True
    >>> influence.self_influence(solver="exact").scores.shape
    (20,)
    """

    def __init__(
        self,
        model: keras.Model,
        train: Any,
        loss: Any = None,
        *,
        curvature: str = "hessian",
        damping: float | str = "auto",
        variables: Any = None,
        batch_size: int = 64,
        seed: int = 0,
        verbose: int | str = "auto",
        loss_weights: Any = None,
        class_weight: dict[int, float] | None = None,
    ):
        self._verbose = verbose
        self._named_solvers: dict[str, Any] = {}
        self._problem = Problem(
            model, train, loss=loss, curvature=curvature, damping=damping, variables=variables, batch_size=batch_size,
            seed=seed, verbose=verbose, loss_weights=loss_weights, class_weight=class_weight,
        )  # fmt: skip

    @property
    def spectrum(self) -> Spectrum:
        """The extremal eigenvalues of the undamped curvature on a few hundred samples, more of large losses."""
        return self._problem.spectrum(self._verbose)

    @property
    def curvature(self) -> str:
        """The matrix that is inverted: the one asked for, or `"gauss_newton"` where a Hessian cannot be computed."""
        return self._problem.curvature.kind

    @property
    def damping(self) -> float:
        """What is added to the curvature's eigenvalues, in plain units, unless a solver has its own or adapts it."""
        return self._problem.damping_from(self.spectrum)

    def losses(self) -> np.ndarray:
        """Returns every training sample's loss, shape `(n,)`, in inference mode.

        It is the loss that `fit` minimizes, with its masks, sample, class and output weights but without the penalties
        of weights: the mean is what `model.evaluate` gives for all samples in one batch.
        """
        return self._problem.losses()

    def total(
        self,
        validation: Any,
        *,
        solver: Solver = "lissa",
        measure: Any = "loss",
        regularized_gradients: bool | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Influence:
        """Returns the influence of every training sample on the summed validation loss, eq. (1).

        Influence is linear in the validation gradient, so one solve for the gradient of the sum gives what the paper
        gets by adding up one solve per validation sample (section III-D; `matrix` has those). The scores of all
        training samples then take one forward-mode pass over the training data, with the memory of one batch.

        Args:
            validation: Data as for `InfluenceModel`; the shapes of batches may differ.
            solver: `"lissa"`, `"cg"`, `"exact"`; or a `LiSSA`, `ConjugateGradient` or `Exact`.
            measure: What is summed over the validation set: `"loss"`, the training loss, as in the paper;
                `"expected_error"`, 1 - p(label), which is bounded, so that validation samples with wrong labels do not
                rule it; `"psnr"`, minus the PSNR of each image from 0 to 1, in dB; or any Keras loss per sample.
            regularized_gradients: Whether the gradient of a training sample includes that of the weights' regularizers
                (the L2 term), which shifts all scores by the same number. Without it a score is the effect of leaving
                the sample out, the regularizers kept as they are. With it each sample has its share of them, and at an
                optimum the scores sum to about zero. By default as the solver has it: with it for `LiSSA.original`,
                without it otherwise.
            checkpoint: A `tfdrop.checkpoint.Checkpoint` to save every phase in and to continue from; the result is that
                of a computation that was never stopped, to the bit where the device is deterministic.

        Raises:
            ValueError: If an argument or the validation data is invalid, the validation gradient is zero or not finite,
                or the model's weights have changed.
            DivergenceError: If the damped curvature is not positive definite, or the solve grew without bound or is no
                better than zero.
            OutOfTime: If the checkpoint's deadline is near; everything is saved.
        """
        solver = self._solver(solver)
        return total(self._problem, validation, solver, checkpoint, self._verbose, regularized_gradients, measure)

    def matrix(
        self,
        validation: Any,
        *,
        solver: Solver = "lissa",
        basis: int | None = None,
        columns: int | str = "auto",
        measure: Any = "loss",
        regularized_gradients: bool | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> InfluenceMatrix:
        """Returns the influence of every training sample on every validation sample, eq. (1), in the paper's order.

        The paper's order (section III-D) fixes a validation sample, solves for its `s_j`, and then goes through all
        training samples. That is k solves and k passes over the training data; for the sum alone `total` needs one of
        each. Here a pass serves many validation samples, and with `basis` the products with the data serve all.

        Args:
            validation: As for `total`; a data set must be one that can be read again.
            solver: As for `total`.
            basis: Vectors of a basis of the curvature, at least 2, that serves all validation samples in the place of
                solves; they are kept in memory. It takes as many products with the data, and 8 for what is outside and
                for `residuals`. For `curvature="gauss_newton"` and a positive damping.
            columns: Validation samples that share one pass over the training data: they are solved one after another,
                then one pass scores them all. `"auto"`: as many as 128 MB hold solutions of. 1 is the paper's order.
                The result is the same, but for rounding.
            measure: As for `total`.
            regularized_gradients: As for `total`.
            checkpoint: As for `total`.

        Raises:
            ValueError, DivergenceError, OutOfTime: As for `total`.
        """
        solver = self._solver(solver)
        return matrix(
            self._problem, validation, solver, columns, checkpoint, self._verbose, regularized_gradients, measure, basis
        )

    def self_influence(
        self,
        *,
        solver: Solver = "cg",
        samples: Any = None,
        basis: int | None = None,
        draws: int | None = None,
        steps: int = 30,
        checkpoint: Checkpoint | None = None,
    ) -> SelfInfluence:
        """Returns the influence of training samples on their own loss.

        It takes one solve per sample; or all samples are estimated at once. From a basis of the curvature, by Lanczos
        iteration: as many products with the data as it has vectors, and one gradient a sample; of a network with 57,000
        weights 40 vectors gave 17 % too much, 60 gave 6 %. Or from a few random draws, which keep no basis in memory:
        for `w = (C + damping I)^(-1/2) z` with standard normal z, the expected square of `g w` is the self-influence. A
        draw takes one Lanczos iteration for the inverse root, and one forward-mode pass over the training data.

        Args:
            solver: As for `total`; `"exact"` writes the matrix out once.
            samples: Indices of the samples to score, arrays only; by default all. Each takes a solve.
            basis: Vectors of a basis, at least 2, to estimate all scores from instead; they are kept in memory. For
                `curvature="gauss_newton"` and a positive damping: then the scores are never too small, and
                `standard_errors` bounds by how much they are too large.
            draws: Number of random draws, at least 2, to estimate all scores from instead: their relative standard
                error is about `sqrt(2 / draws)`.
            steps: Products with the whole data in each draw's Lanczos iteration.
            checkpoint: As for `total`.

        Raises:
            ValueError, DivergenceError, OutOfTime: As for `total`.
        """
        solver = self._solver(solver)
        return self_scores(self._problem, solver, samples, basis, draws, steps, checkpoint, self._verbose)

    def _solver(self, solver):
        """Returns the solver; that of a name is made once, as `Exact` keeps the matrix."""
        if isinstance(solver, str):
            return self._named_solvers.setdefault(solver, get_solver(solver))
        return get_solver(solver)
