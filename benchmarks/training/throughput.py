"""How fast DnCNN trains, compared with the same network in PyTorch in the same run.

    KERAS_BACKEND=jax python -m benchmarks.training.throughput     # on a GPU
    python -m benchmarks.training.throughput --repeats=5           # on a CPU, with PyTorch installed

Both sides keep the whole training set on the device, gather each batch there, and train with Adam on half the summed
squared error. They take turns, and the medians are compared; a turn of tfdrop ends with the dispatch that reaches its
steps, and counts those that it took. The share is that of the device's matrix-product rate,
measured here in the same precision; a step counts as three times the operations of the forward pass.
"""

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.measuring import counting, stepping, take_turns
from train.program import run

DEPTH = flags.DEFINE_integer("depth", 17, "Convolutions.")
FILTERS = flags.DEFINE_integer("filters", 64, "Feature maps.")
PATCH_SIZE = flags.DEFINE_integer("patch_size", 40, "Height and width of the patches.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 128, "Patches in a step.")
STEPS = flags.DEFINE_integer("steps", 2, "Steps in a turn.")
REPEATS = flags.DEFINE_integer("repeats", 5, "Turns of each side.")
PRECISION = flags.DEFINE_enum("precision", "float32", ["float32", "mixed_bfloat16"], "Precision of the convolutions.")
MATRIX_SIZE = flags.DEFINE_integer("matrix_size", 0, "Size of the matrices to multiply; 0 chooses it by the device.")
OUT = flags.DEFINE_string("out", "", "Markdown file to write the table to, besides printing it.")


def main():
    rng = np.random.default_rng(0)
    patches = 4 * STEPS.value * BATCH_SIZE.value  # an epoch is a whole number of turns
    clean = rng.random((patches, PATCH_SIZE.value, PATCH_SIZE.value, 1), "float32")
    noisy = clean + rng.normal(0, 25 / 255, clean.shape).astype("float32")
    sides = {"tfdrop": _tfdrop(noisy, clean)}
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: tfdrop alone")
    else:
        sides["PyTorch"] = _pytorch(torch, noisy, clean)
    steps: dict[str, list[int]] = {name: [] for name in sides}
    turns = {name: counting(take_steps, steps[name]) for name, take_steps in sides.items()}
    seconds = take_turns(turns, REPEATS.value)
    text = _report({name: speeds(steps[name], seconds[name]) for name in sides}, _matrix_product_rate())
    print(text)
    if OUT.value:
        pages.write(OUT.value, text)


def speeds(steps, seconds):
    """Returns the patches per second of every timed turn.

    Args:
        steps: Steps of all turns, those before the timed ones included.
        seconds: Seconds of the timed turns.
    """
    return BATCH_SIZE.value * np.array(steps[-len(seconds) :]) / np.array(seconds)


def _tfdrop(noisy, clean):
    """Returns a function that takes a turn's steps with tfdrop, waits for them, and returns their number."""
    from tfdrop.denoising import denoiser_training
    from tfdrop.models import DnCNN

    model = DnCNN(depth=DEPTH.value, filters=FILTERS.value, dtype=PRECISION.value)
    training = denoiser_training(model, noisy, clean, epochs=10**6, batch_size=BATCH_SIZE.value, learning_rate_drops=())
    return stepping(training.dispatches(), STEPS.value)


def _pytorch(torch, noisy, clean):
    """Returns the same with PyTorch: channels last, compiled, with autocast to bfloat16 if that is asked for."""
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
        return STEPS.value

    return take_steps


def _matrix_product_rate(repeats=5):
    """Returns the device's rate of square matrix products in the benchmark's precision, in operations per second."""
    import keras
    from keras import ops

    size = MATRIX_SIZE.value or (2048 if keras.distribution.list_devices()[0].startswith("cpu") else 8192)
    dtype = "bfloat16" if PRECISION.value == "mixed_bfloat16" else "float32"
    matrix = ops.cast(np.random.default_rng(0).standard_normal((size, size)), dtype)

    def product():
        float(ops.matmul(matrix, matrix)[0, 0])  # waits for the device

    return 2 * size**3 / np.median(take_turns({"product": product}, repeats)["product"])


def _report(found, rate):
    """Returns the page, from each side's patches per second in every turn and the rate of matrix products."""
    inner = (DEPTH.value - 2) * FILTERS.value**2 + 2 * FILTERS.value
    operations = 3 * 2 * 9 * inner * PATCH_SIZE.value**2
    introduction = pages.wrapped(
        f"{DEPTH.value} layers of {FILTERS.value} maps, batches of {BATCH_SIZE.value} patches of "
        f"{PATCH_SIZE.value}x{PATCH_SIZE.value}, {PRECISION.value}; at least {STEPS.value} steps in a turn, turns "
        f"alternate, medians of {REPEATS.value}. Matrix products on this device: {rate / 1e9:.0f} GFLOP/s."
    )
    rows = []
    for name, turns in found.items():
        speed = np.median(turns)
        spread = f"{max(turns):.1f} to {min(turns):.1f}"
        rows.append([name, f"{speed:.1f}", spread, f"{speed * operations / rate:.0%}"])
    header = ["", "patches per second", "fastest and slowest turn", "share of the matrix-product rate"]
    lines = ["# Training throughput of DnCNN", "", introduction, "", *pages.table(header, rows), ""]
    if "PyTorch" in found:
        import torch

        ratio = np.median(found["tfdrop"]) / np.median(found["PyTorch"])
        lines += [f"tfdrop trains at {ratio:.2f} times PyTorch's rate (PyTorch {torch.__version__}).", ""]
    command = pages.command("benchmarks.training.throughput", hidden=["out"])
    return "\n".join([*lines, *pages.origin(command, f"{REPEATS.value} turns"), ""])


if __name__ == "__main__":
    run(main)
