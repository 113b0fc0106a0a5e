"""A small real task for `tfdrop.tasks.arms`: least squares with samples whose values are wrong."""

import dataclasses

import keras
import numpy as np

from tfdrop.influence import ReplayInfluence
from tfdrop.influence.solvers.spectrum import Spectrum
from tfdrop.tasks.influence_step import InfluenceByColumns

SAMPLES, WRONG = 60, 12


class LeastSquares:
    """A task that fits a straight line; the seed of a training leaves out a tenth of its samples.

    Attributes:
        wrong: Samples whose values are wrong; they come first by influence.
        trained: By the names of the arms that were trained, the weights that their samples were given.
    """

    unit = "points"
    samples = SAMPLES

    def __init__(self, settings, wrong=WRONG):
        rng = np.random.default_rng(3)
        self.settings, self.seed = settings, settings.seed
        self.x, self.held_x = rng.normal(size=(SAMPLES, 4)), rng.normal(size=(200, 4))
        line = rng.normal(size=4)
        self.y, self.held_y = (x @ line + 0.1 * rng.normal(size=len(x)) for x in (self.x, self.held_x))
        self.wrong = rng.permutation(SAMPLES)[:wrong]
        self.y[self.wrong] += rng.normal(2, 1, size=wrong)
        self.scores = rng.uniform(-1, 1, SAMPLES)
        self.scores[self.wrong] += 3
        self.trained, self.spread, self.harmed = {}, None, None

    def key(self, arms):
        return ""

    def model_file(self, name):
        return f"{name}.keras"

    def train(self, arm, samples, folder, key, pace, records, sample_weights):
        seed = dataclasses.replace(self.settings, **arm.settings).seed
        self.trained[arm.name] = sample_weights
        weights = np.ones(len(samples)) if sample_weights is None else sample_weights
        taken = np.random.default_rng(seed).permutation(len(samples))[: 9 * len(samples) // 10]
        samples, root = samples[taken], np.sqrt(weights[taken])[:, None]
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, use_bias=False)])
        model.set_weights([np.linalg.lstsq(root * self.x[samples], root * self.y[samples, None], rcond=None)[0]])
        return model

    def influence(self, arm, model, samples, checkpoint, records):
        scores = self.scores[samples]
        if self.harmed is not None:
            spectrum = Spectrum(0.1, 1.0, 0.0, 0.0)
            return InfluenceByColumns(
                scores, np.empty(0), 0.0, True, "hessian", 0.0, None, None, spectrum, [], harmed=self.harmed
            )
        return ReplayInfluence(scores, "loss", 1.0, 1.0, np.ones(2), 1, 0, spread=self.spread)

    def measure(self, arm, model, folder, result, after_step):
        if "held_out" not in result:
            [weights] = model.get_weights()
            result["held_out"] = ((self.held_x @ weights[:, 0] - self.held_y) ** 2).tolist()
            after_step()
