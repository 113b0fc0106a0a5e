"""How fast ResNet-20 and WRN-20-4 train, compared with the same networks in PyTorch in the same run.

    python -m benchmarks.training.classifiers     # with PyTorch installed

Random images of 32x32 in float32, SGD with momentum and weight decay. Both sides hold the images, gather each batch,
and wait for every turn's last step; PyTorch is compiled and channels last. Turns alternate.
"""

import contextlib

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.measuring import counting, stepping, take_turns
from train.program import run

NETWORKS = {"resnet20": 16, "wrn20_4": 64}  # maps of the first group
NETWORK = flags.DEFINE_multi_enum("network", list(NETWORKS), list(NETWORKS), "Networks.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Images in a step.", lower_bound=1)
STEPS = flags.DEFINE_integer("steps", 3, "Steps in a turn, at least.", lower_bound=1)
REPEATS = flags.DEFINE_integer("repeats", 7, "Turns of each side.", lower_bound=1)
OUT = flags.DEFINE_string("out", "", "Markdown file to write the table to, besides printing it.")

ALONE = "derivatives alone"
RATE, MOMENTUM, DECAY = 0.01, 0.9, 1e-4
CLASSES = 10


def main():
    import torch

    rng = np.random.default_rng(0)
    images = 4 * STEPS.value * BATCH_SIZE.value
    x = rng.normal(size=(images, 32, 32, 3)).astype("float32")
    y = rng.integers(0, CLASSES, images).astype("int32")
    rows = []
    for name in NETWORK.value:
        sides = {"tfdrop": tfdrop_steps(name, x, y), ALONE: derivatives_alone(name, x, y)}
        sides["PyTorch"] = pytorch_steps(torch, NETWORKS[name], x, y)
        rates = images_per_second(sides)
        rows.append(_row(name, rates))
        print(*rows[-1], flush=True)
    text = pages.wrapped(
        f"Batches of {BATCH_SIZE.value} images of 32x32, float32; at least {STEPS.value} steps in a turn, turns "
        f"alternate, medians of {REPEATS.value} (fastest and slowest). PyTorch {torch.__version__}, compiled. The "
        "ratio is the median of those of the turns. Derivatives alone: TensorFlow's time for both passes, "
        "without images to gather, optimizer and metrics; what a step takes beyond it would be tfdrop's."
    )
    header = ["network", *(f"{side}, images a second" for side in ("tfdrop", ALONE, "PyTorch")), "tfdrop / PyTorch"]
    table = pages.table([*header, f"tfdrop / {ALONE}"], rows)
    origin = pages.origin(pages.command("benchmarks.training.classifiers", hidden=["out"]), f"{REPEATS.value} turns")
    page = "\n".join(["# Training throughput of residual networks", "", text, "", *table, "", *origin, ""])
    print(page)
    if OUT.value:
        pages.write(OUT.value, page)


def images_per_second(sides):
    """Returns by side the images a second of every timed turn; a side is a function that returns its steps."""
    steps: dict[str, list[int]] = {name: [] for name in sides}
    turns = {name: counting(take, steps[name]) for name, take in sides.items()}
    seconds = take_turns(turns, REPEATS.value, warm_up=3)  # until a dispatch has as many steps as it ever will
    return {
        name: BATCH_SIZE.value * np.array(steps[name][-REPEATS.value :]) / np.array(seconds[name]) for name in sides
    }


def tfdrop_steps(name, x, y):
    """Returns a function that takes a turn's steps with tfdrop, waits for them, and returns their number."""
    import keras

    from tfdrop.models import build
    from tfdrop.training import Training

    model = build(name, x.shape[1:], CLASSES, weight_decay=DECAY)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(RATE, momentum=MOMENTUM)
    training = Training(model, optimizer, loss, (x, y), BATCH_SIZE.value, epochs=10**6)
    return stepping(training.dispatches(), STEPS.value)


def derivatives_alone(name, x, y):
    """Returns a function that takes the derivatives of one batch as often as a turn has steps."""
    import keras
    import tensorflow as tf

    from tfdrop.functional.fused_tensorflow import fused_batch_normalization
    from tfdrop.models import build
    from tfdrop.training.loop import compiles_with_xla

    model = build(name, x.shape[1:], CLASSES)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    images, labels = tf.constant(x[: BATCH_SIZE.value]), tf.constant(y[: BATCH_SIZE.value])
    weights = [variable.value for variable in model.trainable_variables]
    fusing = contextlib.nullcontext if compiles_with_xla() else fused_batch_normalization  # as `Training` has it

    @tf.function
    def derivatives():
        with fusing(), tf.GradientTape() as tape:
            mean = loss(labels, model(images, training=True))
        return tape.gradient(mean, weights)

    def take_steps():
        for _ in range(STEPS.value):
            derivatives()[0].numpy()
        return STEPS.value

    return take_steps


def pytorch_steps(torch, filters, x, y):
    """Returns the same with PyTorch."""
    from benchmarks.training.residual_pytorch import resnet20

    network = resnet20(filters).to(memory_format=torch.channels_last)
    compiled = torch.compile(network)
    optimizer = torch.optim.SGD(network.parameters(), RATE, momentum=MOMENTUM, weight_decay=DECAY)
    images, labels = torch.tensor(x).permute(0, 3, 1, 2), torch.tensor(y).long()

    def take_steps():
        for _ in range(STEPS.value):
            chosen = torch.randint(len(labels), (BATCH_SIZE.value,))
            batch = images[chosen].contiguous(memory_format=torch.channels_last)
            loss = torch.nn.functional.cross_entropy(compiled(batch), labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        loss.item()
        return STEPS.value

    return take_steps


def _row(name, rates):
    cells = [f"{np.median(each):.1f} ({max(each):.1f} to {min(each):.1f})" for each in rates.values()]
    return [name, *cells, *(f"{np.median(rates['tfdrop'] / rates[other]):.2f}" for other in ("PyTorch", ALONE))]


if __name__ == "__main__":
    run(main)
