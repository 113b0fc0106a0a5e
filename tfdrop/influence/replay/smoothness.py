"""Whether a training answers its samples' weights smoothly, without which no derivative foretells what it does."""

import warnings

import numpy as np

from tfdrop.influence.phases import Phases
from tfdrop.progress import Progress
from tfdrop.training import Training, repeated
from tfdrop.training.step_function import named_arrays, named_state, read_state, write_state

LEFT_OUT = 0.02  # share of the samples, at least one
WEIGHTS = (0.5, 0.0)  # of these samples, one after the other; the recorded training has 1
# What was above it foretold well; of what was below, some did and some did not: results/replay_validity.md
SMOOTH = 0.9
SEED = 21
RETRAINING = "retraining with weight "  # the phases of a checkpoint


class SmoothnessWarning(UserWarning):
    """A training is too rough to be foretold by its derivatives."""


def checked_smoothness(training: Training, phases: Phases, verbose: int | str) -> float:
    """Returns how smoothly a recorded training's last weights answer the weights of its samples.

    The training is taken twice more, with the weights of some random samples halved, and with these samples left out.
    Of the trained weights, the share is counted that go on in the direction of the first half, minus those that turn
    around, each by how far it went: metasmoothness (Engstrom et al., 2025). 1 is as smooth as can be; a training that
    is chaos to such changes has about 0.

    Args:
        training: A finished, recorded `Training`.
        phases: `Phases` of a checkpoint.
        verbose: As in `Progress`.

    Warns:
        SmoothnessWarning: If it is less than `SMOOTH`.
    """
    known = phases.start("smoothness")
    found = float(known["found"]) if known else _smoothness_of(training, phases, verbose)
    phases.forget(RETRAINING)  # two states, which the walk back need not save again and again
    phases.after_step("smoothness", lambda: {"found": np.array(found)})
    if not found >= SMOOTH:
        warnings.warn(
            f"The training answers its samples' weights roughly (smoothness {found:.2f}, below {SMOOTH}), so that a "
            "replay may foretell little of what it does without some of them. What helps: a smaller learning rate, "
            "larger batches, standardized inputs, smooth activations such as GELU, average pooling, a larger epsilon "
            "in Adam.",
            SmoothnessWarning,
            stacklevel=3,
        )
    return found


def _smoothness_of(training, phases, verbose):
    chosen = np.random.default_rng(SEED).permutation(training.samples)[: max(1, round(LEFT_OUT * training.samples))]
    ends = [read_state(training.model, training.optimizer).weights]
    with Progress(
        "Finding out how smooth the training is", len(WEIGHTS) * training.steps, verbose, unit="steps"
    ) as progress:
        for number, weight in enumerate(WEIGHTS):
            sample_weights = training.weight_of_each_sample.copy()
            sample_weights[chosen] *= weight
            progress.resume(number * training.steps)
            ends.append(_weights_at_the_end(training, sample_weights, phases, f"{RETRAINING}{weight}", progress))
    return smoothness(*(np.concatenate([part.ravel() for part in end]).astype("float64") for end in ends))


def smoothness(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> float:
    """Returns the metasmoothness of three outcomes at equal distances, arrays of one shape.

    >>> smoothness(np.array([0.0, 0.0]), np.array([3.0, 1.0]), np.array([6.0, 0.0]))
    0.5
    """
    change, following = second - first, third - second
    size = np.sum(np.abs(change))
    return float(np.sum(change * np.sign(following)) / size) if size > 0 else 1.0


def _weights_at_the_end(training, sample_weights, phases, phase, progress):
    """Returns the weights that the training ends with; goes on where a checkpoint says."""
    with repeated(training, sample_weights) as again:
        known = phases.start(phase)
        if known:
            write_state(named_state(known), again.model, again.optimizer)
        progress.advance(again.step)  # those before an interruption

        def state():
            return named_arrays(read_state(again.model, again.optimizer))

        for losses in again.dispatches():
            progress.advance(len(losses))
            phases.after_step(phase, state)
        end = read_state(again.model, again.optimizer)
    phases.after_step(phase, lambda: named_arrays(end))
    return end.weights
