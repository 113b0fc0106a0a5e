"""What a training step costs in products and bytes, by network and batch size, as XLA counts them.

    KERAS_BACKEND=jax python -m benchmarks.step_cost

Nothing is timed, so the machine may be busy: the step is compiled, and the compiler asked.
"""

import time

import keras
import numpy as np
from absl import flags

from benchmarks import pages
from tfdrop.errors import UserError
from tfdrop.models import build
from tfdrop.tasks.classification.networks import classification_loss
from tfdrop.training import Training
from train.program import run

TITLE = "# What a training step costs"
NETWORKS = flags.DEFINE_list("networks", ["resnet20", "resnet18_imagenet", "resnet50_imagenet"], "Networks.")
BATCHES = flags.DEFINE_list("batches", ["8", "16"], "Batch sizes.")
OUT = flags.DEFINE_string("out", "results/step_cost.md", "Markdown file to write; none if empty.")
MIB = 2**20


def main():
    if keras.backend.backend() != "jax":
        raise UserError("KERAS_BACKEND=jax: only its compiler is asked")
    start = time.perf_counter()
    rows = [_row(network, int(batch)) for network in NETWORKS.value for batch in BATCHES.value]
    header = ["network", "images", "weights", "gradients, MiB", "batch", "products an image, millions"]
    text = (
        "A step of SGD with momentum in float32, as XLA for this processor compiles it. Products are half of the "
        "floating-point operations that it counts, forward, backward and update; bytes between are what the step needs "
        "beside weights, momenta and data: activations, most of all. Gradients are what replicas send each other in a "
        "step."
    )
    lines = [TITLE, "", pages.wrapped(text), ""]
    lines += pages.table([*header, "bytes between, MiB", "of them an image"], rows)
    command = pages.command("benchmarks.step_cost", hidden=["out"])
    lines += ["", *pages.origin(command, "1 of each; counts, not times", time.perf_counter() - start)]
    print("\n".join(lines))
    if OUT.value:
        pages.write(OUT.value, "\n".join(lines) + "\n")


def _row(network, batch):
    side, classes = (224, 1000) if network.endswith("_imagenet") else (32, 10)
    model = build(network, (side, side, 3), classes)
    x, y = np.zeros((batch, side, side, 3), "float32"), np.zeros(batch, "int32")
    training = Training(model, keras.optimizers.SGD(0.1, momentum=0.9), classification_loss(), (x, y), batch, 1)
    compiled = _compiled(training, np.arange(batch))
    products = compiled.cost_analysis()["flops"] / 2e6 / batch
    between = compiled.memory_analysis().temp_size_in_bytes / MIB
    gradients = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables) * 4 / MIB
    print(f"{network}, {batch}: {products:.0f}, {between:.0f}", flush=True)
    row = [f"{model.count_params():,}", f"{gradients:.1f}", str(batch), f"{products:,.0f}"]
    return [network, f"{side}x{side}", *row, f"{between:,.0f}", f"{between / batch:.1f}"]


def _compiled(training, indices):
    """Returns a step of a training as JAX has compiled it."""
    import jax

    steps = training._compiled
    model = training.model
    groups = (model.trainable_variables, model.non_trainable_variables, training.optimizer.variables)
    state = [[variable.value for variable in group] for group in groups]
    return jax.jit(steps._step).lower(state, (*steps.arrays.on_device, None), indices).compile()


if __name__ == "__main__":
    run(main)
