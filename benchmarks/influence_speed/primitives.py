"""What the engine's parts cost on TensorFlow, as ratios to a gradient or a forward pass in the same turn; memory by n.

    python -m benchmarks.influence_speed.primitives --model=resnet20
    python -m benchmarks.influence_speed.primitives --memory_of=16000

prints one line of JSON. Times are the processor's, of one thread.
"""

import json
import time

import numpy as np
from absl import flags

from benchmarks.influence_speed.job import loss, network
from benchmarks.influence_speed.rivals.contest import memory_now, peak_memory
from train.program import run

MODEL = flags.DEFINE_enum("model", "cnn", ["cnn", "resnet20"], "The job's network, or ResNet-20.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 100, "Samples a batch.")
TURNS = flags.DEFINE_integer("turns", 7, "Timed turns.")
MEMORY_OF = flags.DEFINE_integer("memory_of", 0, "Only print the memory that the job takes with so many samples.")

FLOOR = "forward pass"
GRADIENT = "gradient"


def main():
    found = memory_by_samples(MEMORY_OF.value) if MEMORY_OF.value else ratios()
    print(json.dumps(found))


def ratios():
    """Returns for each quotient its median over the turns and its quartiles."""
    seconds = take_turns(passes())
    quotients = {
        "Hessian-vector product / gradient": ("Hessian product", GRADIENT),
        "Gauss-Newton-vector product / gradient": ("Gauss-Newton product", GRADIENT),
        "LiSSA step / gradient": ("LiSSA step", GRADIENT),
        "scoring a batch / forward pass": ("scores", FLOOR),
        "scoring a batch / gradient": ("scores", GRADIENT),
        "per-sample Jacobian / scoring": ("Jacobian", "scores"),
        "one gradient after the other / scoring": ("gradients one by one", "scores"),
    }
    found = {}
    for name, (above, below) in quotients.items():
        values = np.divide(seconds[above], seconds[below])
        found[name] = {"median": np.median(values), "quartiles": list(np.percentile(values, [25, 75]))}
    return found | {"gradient_ms": 1e3 * np.median(seconds[GRADIENT])}


def take_turns(runs):
    """Times the functions in turns, after one turn that compiles. Returns for each the seconds of its runs."""
    seconds = {name: [] for name in runs}
    for turn in range(TURNS.value + 1):
        for name, one_pass in runs.items():
            start = time.process_time()
            one_pass()
            if turn:
                seconds[name].append(time.process_time() - start)
    return seconds


def passes():
    """Returns the functions to time, by name; each does one batch."""
    import tensorflow as tf

    from tfdrop.influence.autodiff.tensorflow import Autodiff
    from tfdrop.influence.curvature import Curvature, DampedSystem
    from tfdrop.influence.per_sample_loss import PerSampleLoss

    model, per_sample_loss = _model(), PerSampleLoss(loss())
    autodiff = Autodiff(model, per_sample_loss)
    x, y = _samples(BATCH_SIZE.value)
    vector = np.random.default_rng(0).standard_normal(autodiff.size).astype("float32")
    system = DampedSystem(Curvature(autodiff), 1.0, vector, None, None)

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

    return {
        FLOOR: lambda: forward(x, y).numpy(),
        GRADIENT: lambda: autodiff.gradient(x, y).numpy(),
        "Hessian product": lambda: autodiff.hessian_product(x, y, vector).numpy(),
        "Gauss-Newton product": lambda: autodiff.gauss_newton_product(x, y, vector).numpy(),
        "LiSSA step": lambda: (vector + vector - system.product(vector, [(x, y)]) / 10.0).numpy(),
        "scores": lambda: autodiff.directional_derivatives(x, y, vector).numpy(),
        "Jacobian": lambda: jacobian(x, y).numpy(),
        "gradients one by one": one_by_one,
    }


def memory_by_samples(samples):
    """Returns the memory in MiB, above model and data, that one product with all samples and their scores take."""
    from tfdrop.influence import ConjugateGradient, total_influence

    model, train, validation = _model(), _samples(samples), _samples(100)
    before = memory_now()
    solver = ConjugateGradient(depth=1, part_samples=128, part_steps=5)
    total_influence(
        model, train, validation, loss=loss(), solver=solver, curvature="gauss_newton", batch_size=100, verbose=0
    )
    return {"samples": samples, "peak_mib": peak_memory() - before}


def _model():
    if MODEL.value == "cnn":
        return network()
    from tfdrop.models import CifarResNet

    return CifarResNet(20, (32, 32, 3), 10)


def _samples(count):
    rng = np.random.default_rng(0)
    return rng.standard_normal((count, 32, 32, 3), "float32"), rng.integers(0, 10, count)


if __name__ == "__main__":
    run(main)
