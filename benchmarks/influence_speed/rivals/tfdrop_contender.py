"""tfdrop: `total_influence` with its solvers."""

from benchmarks.influence_speed.rivals.contender import contend

import numpy as np  # isort: skip (`contender` sets the number of threads)

from benchmarks.influence_speed.job import loss, network
from tfdrop.influence import ConjugateGradient, LiSSA, total_influence

BATCH_SIZE = 125  # divides the number of samples, so that each derivative is traced for a single shape of batch
TO_THE_END = {"tolerance": 1e-9}  # never reached: only the effort decides when to stop


class Contender:
    def __init__(self, job):
        self.job = job
        self.model = network(job.network, job.logits.shape[-1])
        self.model.set_weights(job.weights)

    def logits(self, x):
        return np.asarray(self.model(x))


def scores(contender, solver):
    job = contender.job
    found = total_influence(
        contender.model,
        (job.x, job.y),
        (job.x_validation, job.y_validation),
        loss=loss(),
        solver=solver,
        damping=job.damping,
        batch_size=BATCH_SIZE,
        verbose=0,
    )
    return found.scores


if __name__ == "__main__":
    contend(
        Contender,
        {
            "reference": lambda contender, steps: scores(contender, ConjugateGradient(depth=steps, tolerance=1e-6)),
            "cg": lambda contender, steps: scores(contender, ConjugateGradient(depth=steps, **TO_THE_END)),
            "cg as it comes": lambda contender, _: scores(contender, "cg"),
            "lissa": lambda contender, steps: scores(contender, LiSSA(depth=steps, **TO_THE_END)),
            "lissa as it comes": lambda contender, _: scores(contender, "lissa"),
        },
    )
