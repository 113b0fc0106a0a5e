"""What the engine's parts cost on TensorFlow, as ratios to a gradient or a forward pass in the same turn; and memory.

    python -m benchmarks.influence_speed.primitives --network=resnet20
    python -m benchmarks.influence_speed.primitives --memory_of=16000

prints one line of JSON. Times are processor times, of one thread.
"""

import json
import time

import numpy as np
from absl import flags

from benchmarks.influence_speed.job import loss, network
from benchmarks.measuring import peak_memory, restart_peak_memory, take_turns, turn_ratios
from train.program import run

NETWORKS = ("cnn", "resnet20")

NETWORK = flags.DEFINE_enum("network", "cnn", NETWORKS, "The job's CNN, or ResNet-20.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 100, "Samples in a batch.")
TURNS = flags.DEFINE_integer("turns", 7, "Timed turns.")
MEMORY_OF = flags.DEFINE_integer("memory_of", 0, "Only print the memory that the job takes with so many samples.")

FORWARD = "forward pass"
GRADIENT = "gradient"
DAMPING, SCALE = 1.0, 10.0  # of LiSSA's step; any numbers take the same time


def main():
    found = memory_by_samples(MEMORY_OF.value) if MEMORY_OF.value else ratios()
    print(json.dumps(found))


def ratios():
    """Returns, for each ratio, its median over the turns and its quartiles."""
    seconds = take_turns(passes(), TURNS.value, clock=time.process_time)
    pairs = {
        "Hessian-vector product / gradient": ("Hessian product", GRADIENT),
        "Gauss-Newton-vector product / gradient": ("Gauss-Newton product", GRADIENT),
        "LiSSA step / gradient": ("LiSSA step", GRADIENT),
        "scoring a batch / forward pass": ("scores", FORWARD),
        "scoring a batch / gradient": ("scores", GRADIENT),
        "per-sample Jacobian / scoring": ("Jacobian", "scores"),
        "one gradient after the other / scoring": ("gradients one by one", "scores"),
    }
    found = {}
    for name, (above, below) in pairs.items():
        values = turn_ratios(seconds, above, below)
        found[name] = {"median": np.median(values), "quartiles": list(np.percentile(values, [25, 75]))}
    return found | {"gradient_ms": 1e3 * np.median(seconds[GRADIENT])}


def passes():
    """Returns the functions to time, by name; each does one batch."""
    import tensorflow as tf

    from tfdrop.influence.autodiff.tensorflow import Autodiff
    from tfdrop.influence.curvature import Curvature
    from tfdrop.influence.per_sample_loss import PerSampleLoss

    model, per_sample_loss = _model(), PerSampleLoss(loss())
    autodiff = Autodiff(model, per_sample_loss)
    curvature = Curvature(autodiff)
    x, y = _samples(BATCH_SIZE.value)
    vector = np.random.default_rng(0).standard_normal(autodiff.size).astype("float32")

    @tf.function
    def forward(x, y):
        return per_sample_loss(y, model(x, training=False))

    @tf.function
    def jacobian(x, y):
        with tf.GradientTape() as tape:
            losses = per_sample_loss(y, model(x, training=False))
        weights = [variable.value for variable in model.trainable_variables]
        # One backward pass after the other: all at once (`pfor`) take a hundred times the memory of a batch.
        jacobians = tape.jacobian(losses, weights, experimental_use_pfor=False)
        return tf.linalg.matvec(tf.concat([tf.reshape(part, (len(x), -1)) for part in jacobians], 1), vector)

    def one_by_one():
        return [np.dot(autodiff.gradient(x[i : i + 1], y[i : i + 1]), vector) for i in range(len(x))]

    def lissa_step():
        product = curvature.product(vector, [(x, y)]) + DAMPING * vector
        return (vector + vector - product / SCALE).numpy()

    return {
        FORWARD: lambda: forward(x, y).numpy(),
        GRADIENT: lambda: autodiff.gradient(x, y).numpy(),
        "Hessian product": lambda: autodiff.hessian_product(x, y, vector).numpy(),
        "Gauss-Newton product": lambda: autodiff.gauss_newton_product(x, y, vector).numpy(),
        "LiSSA step": lissa_step,
        "scores": lambda: autodiff.directional_derivatives(x, y, vector).numpy(),
        "Jacobian": lambda: jacobian(x, y).numpy(),
        "gradients one by one": one_by_one,
    }


def memory_by_samples(samples):
    """Returns the memory in MiB, beyond model and data, of one product with all samples and of their scores."""
    from tfdrop.influence import ConjugateGradient, total_influence

    model, train, validation = _model(), _samples(samples), _samples(BATCH_SIZE.value)
    before = restart_peak_memory()
    total_influence(
        model,
        train,
        validation,
        loss=loss(),
        solver=ConjugateGradient(depth=1, part_samples=128, part_steps=5),
        curvature="gauss_newton",
        batch_size=BATCH_SIZE.value,
        verbose=0,
    )
    return {"samples": samples, "peak_mib": peak_memory() - before}


def _model():
    return network(NETWORK.value)


def _samples(count):
    rng = np.random.default_rng(0)
    return rng.standard_normal((count, 32, 32, 3), "float32"), rng.integers(0, 10, count)


if __name__ == "__main__":
    run(main)
