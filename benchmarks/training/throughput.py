"""How fast DnCNN trains, beside the same network in PyTorch, in one run.

KERAS_BACKEND=jax python -m benchmarks.training.throughput     # on a GPU
python -m benchmarks.training.throughput --repeats=5           # on a CPU, with PyTorch installed

Both sides have the whole training set on the device, gather each batch there, and train with Adam on half the summed
squared error. Their turns alternate, and the medians are compared. The share is that of the device's matrix-product
rate, measured here in the same precision, with three times the forward pass's operations counted a step.
"""

import time
from pathlib import Path

import numpy as np
from absl import flags

from tfdrop.checkpoint import replace
from train.program import run

DEPTH = flags.DEFINE_integer("depth", 17, "Convolutions.")
FILTERS = flags.DEFINE_integer("filters", 64, "Feature maps.")
PATCH_SIZE = flags.DEFINE_integer("patch_size", 40, "Height and width of the patches.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 128, "Patches a step.")
STEPS = flags.DEFINE_integer("steps", 2, "Steps a turn.")
REPEATS = flags.DEFINE_integer("repeats", 5, "Turns of each side.")
PRECISION = flags.DEFINE_enum("precision", "float32", ["float32", "mixed_bfloat16"], "Precision of the convolutions.")
OUT = flags.DEFINE_string("out", "", "Markdown file to write the table to, beside printing it.")


def main():
    rng = np.random.default_rng(0)
    patches = 4 * STEPS.value * BATCH_SIZE.value  # whole turns an epoch
    clean = rng.random((patches, PATCH_SIZE.value, PATCH_SIZE.value, 1), "float32")
    noisy = clean + rng.normal(0, 25 / 255, clean.shape).astype("float32")
    sides = {"tfdrop": _tfdrop(noisy, clean)}
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: tfdrop alone")
        torch = None
    if torch is not None:
        sides["PyTorch"] = _pytorch(torch, noisy, clean)
    seconds = {name: [] for name in sides}
    for turn in range(REPEATS.value + 1):
        for name, take_steps in sides.items():
            start = time.perf_counter()
            take_steps()
            if turn:  # the first one compiles
                seconds[name].append(time.perf_counter() - start)
    report = _report(seconds, _matrix_product_rate())
    print(report)
    if OUT.value:
        replace(Path(OUT.value), lambda partial: partial.write_text(report + "\n"))


def _tfdrop(noisy, clean):
    """Returns a function that takes a turn's steps with tfdrop and waits for them."""
    from tfdrop.denoising import denoiser_training
    from tfdrop.models import DnCNN

    model = DnCNN(depth=DEPTH.value, filters=FILTERS.value, dtype=PRECISION.value)
    training = denoiser_training(model, noisy, clean, epochs=10**6, batch_size=BATCH_SIZE.value, learning_rate_drops=())
    dispatches = training.dispatches()

    def take_steps():
        end = training.step + STEPS.value
        while training.step < end:
            next(dispatches)

    return take_steps


def _pytorch(torch, noisy, clean):
    """Returns the same with PyTorch: channels last, compiled, autocast to bfloat16 where that is asked for."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    layers = [torch.nn.Conv2d(1, FILTERS.value, 3, padding=1), torch.nn.ReLU()]
    for _ in range(DEPTH.value - 2):
        layers.append(torch.nn.Conv2d(FILTERS.value, FILTERS.value, 3, padding=1, bias=False))
        layers += [torch.nn.BatchNorm2d(FILTERS.value, eps=1e-4, momentum=0.1), torch.nn.ReLU()]
    layers.append(torch.nn.Conv2d(FILTERS.value, 1, 3, padding=1, bias=False))
    network = torch.nn.Sequential(*layers).to(device, memory_format=torch.channels_last)
    compiled = torch.compile(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, eps=1e-7, fused=device == "cuda")
    noisy, clean = (torch.tensor(part).permute(0, 3, 1, 2).to(device) for part in (noisy, clean))

    def take_steps():
        for _ in range(STEPS.value):
            chosen = torch.randint(len(clean), (BATCH_SIZE.value,), device=device)
            batch = noisy[chosen].contiguous(memory_format=torch.channels_last)
            with torch.autocast(device, torch.bfloat16, enabled=PRECISION.value == "mixed_bfloat16"):
                noise = compiled(batch)
            loss = 0.5 * (batch - noise.float() - clean[chosen]).square().sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        loss.item()  # waits for the device

    return take_steps


def _matrix_product_rate(size=None, repeats=5):
    """Returns the device's rate of square matrix products in the benchmark's precision, operations a second."""
    import keras
    from keras import ops

    size = size or (8192 if not keras.distribution.list_devices()[0].startswith("cpu") else 2048)
    dtype = "bfloat16" if PRECISION.value == "mixed_bfloat16" else "float32"
    matrix = ops.cast(np.random.default_rng(0).standard_normal((size, size)), dtype)
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        float(ops.matmul(matrix, matrix)[0, 0])  # waits for the device
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / np.median(seconds[1:])


def _report(seconds, rate):
    import keras

    from experiments.environment import environment

    found = environment()
    inner = (DEPTH.value - 2) * FILTERS.value**2 + 2 * FILTERS.value
    operations = 3 * 2 * 9 * inner * PATCH_SIZE.value**2
    batch = STEPS.value * BATCH_SIZE.value
    lines = [
        "# Training throughput of DnCNN",
        "",
        f"{DEPTH.value} layers of {FILTERS.value} maps, batches of {BATCH_SIZE.value} patches of "
        f"{PATCH_SIZE.value}x{PATCH_SIZE.value}, {PRECISION.value}; {STEPS.value} steps a turn, turns alternate, "
        f"medians of {REPEATS.value}. Matrix products on this device: {rate / 1e9:.0f} GFLOP/s.",
        "",
        "| | patches a second | fastest and slowest turn | share of the matrix-product rate |",
        "|---|---|---|---|",
    ]
    for name, turns in seconds.items():
        speed = batch / np.median(turns)
        spread = f"{batch / min(turns):.1f} to {batch / max(turns):.1f}"
        lines.append(f"| {name} | {speed:.1f} | {spread} | {speed * operations / rate:.0%} |")
    if "PyTorch" in seconds:
        import torch

        ratio = np.median(seconds["PyTorch"]) / np.median(seconds["tfdrop"])
        lines += ["", f"tfdrop trains at {ratio:.2f} times PyTorch's rate (PyTorch {torch.__version__})."]
    backend = "KERAS_BACKEND=jax " if found["backend"] == "jax" else ""
    values = " ".join(
        f"--{flag.name}={flag.value}" for flag in (STEPS, REPEATS, DEPTH, FILTERS, PATCH_SIZE, BATCH_SIZE, PRECISION)
    )
    lines += [
        "",
        f"Command: `{backend}python -m benchmarks.training.throughput {values}`; {found['machine']}; "
        f"{found['date']}, commit {found['commit']}, {found['backend']}, Keras {keras.__version__}.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
