"""Times the drop layers beside Keras's SpatialDropout2D, in one run, and writes the table to results/layers.md.

    python -m benchmarks.layers

Three measurements for each layer, all of them as ratios to SpatialDropout2D: forward and backward of the layer alone on
two inputs, a training step of WRN-20-4 with the layer after every convolution, and the peak memory of such a step, in a
process of its own. The layers take turns, so that whatever else the machine does falls on all of them alike.
"""

import datetime
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

import keras
import numpy as np
from absl import app, flags

import tfdrop

_REPEATS = flags.DEFINE_integer("repeats", 60, "Timed passes of each layer alone.")
_STEPS = flags.DEFINE_integer("steps", 15, "Timed training steps with each layer.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Images in a training step.")
_OUTPUT = flags.DEFINE_string("output", "results/layers.md", "The file for the table; none if empty.")
_MEMORY_OF = flags.DEFINE_string("memory_of", "", "Only print the peak memory, in MiB, of training with this layer.")

_SHAPES = ((128, 32, 32, 64), (128, 8, 8, 256))
_RIVAL = "SpatialDropout2D"
_LAYERS = {
    _RIVAL: lambda: keras.layers.SpatialDropout2D(0.1),
    "SpatialScale": lambda: tfdrop.layers.SpatialScale(0.6),
    "Selectout": lambda: tfdrop.layers.Selectout(0.1, top_rate=0.2),
    "SelectScale": lambda: tfdrop.layers.SelectScale(0.9, top_rate=0.2),
    "FocusedDropout, batches that take part": lambda: tfdrop.layers.FocusedDropout(participation_rate=1.0),
    "FocusedDropout, the other batches": lambda: tfdrop.layers.FocusedDropout(participation_rate=0.0),
    "DropBlock2D": lambda: tfdrop.layers.DropBlock2D(0.1, block_size=7),
}


def _on_accelerator():
    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() != "cpu"
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _with_xla():
    # JAX always compiles with XLA. For TensorFlow on a CPU the plain graph is the faster one.
    return keras.backend.backend() == "jax" or _on_accelerator()


def layer_pass(make_layer, shape):
    """Compiles the layer's forward and backward pass on one input. Returns a function that runs it to the end."""
    inputs, upstream = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    layer = make_layer()
    layer.build(shape)
    return {"tensorflow": _tensorflow_pass, "jax": _jax_pass}[keras.backend.backend()](layer, inputs, upstream)


def _tensorflow_pass(layer, inputs, upstream):
    import tensorflow as tf

    inputs, upstream = tf.constant(inputs), tf.constant(upstream)

    @tf.function(jit_compile=_with_xla())
    def run(inputs, upstream):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
        return outputs, tape.gradient(outputs, inputs, output_gradients=upstream)

    return lambda: run(inputs, upstream)[1][0, 0, 0, 0].numpy()


def _jax_pass(layer, inputs, upstream):
    import jax

    inputs, upstream = jax.numpy.asarray(inputs), jax.numpy.asarray(upstream)
    variables = [variable.value for variable in layer.non_trainable_variables]

    # Inputs that are no arguments would be constants, on which XLA does the work while it compiles.
    @jax.jit
    def run(variables, inputs, upstream):
        def forward(inputs):
            return layer.stateless_call([], variables, inputs, training=True)

        outputs, backward, variables = jax.vjp(forward, inputs, has_aux=True)
        return outputs, backward(upstream)[0], variables

    def run_to_the_end():
        variables[:] = jax.block_until_ready(run(variables, inputs, upstream))[2]

    return run_to_the_end


def wide_resnet(make_layer, blocks=3, widening=4):
    """WRN-20-4 for 32x32 images: He et al.'s template four times as wide, a drop layer after every convolution."""

    def convolution(maps, width, strides=1):
        maps = keras.layers.Conv2D(width, 3, strides, padding="same", use_bias=False)(maps)
        return keras.layers.BatchNormalization()(make_layer()(maps))

    images = keras.Input((32, 32, 3))
    maps = keras.layers.ReLU()(convolution(images, 16 * widening))
    for width in (16 * widening, 32 * widening, 64 * widening):
        for _ in range(blocks):
            strides = width // maps.shape[-1]
            residual = keras.layers.ReLU()(convolution(maps, width, strides))
            residual = convolution(residual, width)
            if strides > 1:
                maps = keras.layers.Conv2D(width, 1, strides, use_bias=False)(maps)
            maps = keras.layers.ReLU()(keras.layers.Add()([maps, residual]))
    return keras.Model(images, keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(maps)))


def training_step(make_layer):
    """Compiles a training step of WRN-20-4. Returns a function that takes one."""
    generator = np.random.default_rng(0)
    images = generator.normal(size=(_BATCH_SIZE.value, 32, 32, 3)).astype("float32")
    labels = generator.integers(0, 10, _BATCH_SIZE.value)
    model = wide_resnet(make_layer)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss, jit_compile=_with_xla())
    return lambda: model.train_on_batch(images, labels)


def take_turns(runs, repeats):
    """Times the functions in turns. Returns for each the seconds of its runs, after two that do not count."""
    for run in runs.values():
        run()
        run()
    seconds = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratios(seconds):
    """The median of each function's time over the rival's in the same turn."""
    return {name: np.median(np.divide(times, seconds[_RIVAL])) for name, times in seconds.items()}


def peak_memory(name):
    """The peak memory in MiB of a few training steps with a layer, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.layers", f"--memory_of={name}", f"--batch_size={_BATCH_SIZE.value}"]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def print_peak_memory(name):
    step = training_step(_LAYERS[name])
    for _ in range(3):
        step()
    if not _on_accelerator():
        # Not getrusage: its maximum begins with what the process that started this one had.
        status = pathlib.Path("/proc/self/status").read_text()
        print(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024)
    elif keras.backend.backend() == "jax":
        import jax

        print(jax.local_devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20)
    else:
        import tensorflow as tf

        print(tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20)


def machine():
    """The machine and the versions, in words."""
    processor = platform.processor() or platform.machine()
    information = pathlib.Path("/proc/cpuinfo")
    if information.exists():
        models = [line for line in information.read_text().splitlines() if line.startswith("model name")]
        processor = models[0].split(":")[1].strip() if models else processor
    backend = keras.backend.backend()
    version = __import__(backend).__version__
    accelerator = ""
    if _on_accelerator():
        import jax

        accelerator = f", {jax.devices()[0].device_kind}" if backend == "jax" else ", GPU"
    return (
        f"{processor}, {os.cpu_count()} cores{accelerator}; Python {platform.python_version()}, "
        f"keras {keras.__version__}, {backend} {version}, {'with' if _with_xla() else 'without'} XLA"
    )


def measure():
    """Runs all the measurements. Returns the lines of the table."""
    columns, rival = [], []
    for shape in _SHAPES:
        seconds = take_turns({name: layer_pass(make, shape) for name, make in _LAYERS.items()}, _REPEATS.value)
        columns.append(ratios(seconds))
        rival.append(f"{1e3 * np.median(seconds[_RIVAL]):.1f} ms")
        print(shape, {name: round(float(ratio), 2) for name, ratio in columns[-1].items()}, flush=True)
    seconds = take_turns({name: training_step(make) for name, make in _LAYERS.items()}, _STEPS.value)
    columns.append(ratios(seconds))
    rival.append(f"{np.median(seconds[_RIVAL]):.2f} s")
    print("training step", {name: round(float(ratio), 3) for name, ratio in columns[-1].items()}, flush=True)
    memory = {name: peak_memory(name) for name in _LAYERS}
    columns.append({name: peak / memory[_RIVAL] for name, peak in memory.items()})
    rival.append(f"{memory[_RIVAL]:.0f} MiB")
    lines = [f"| {name} | " + " | ".join(f"{column[name]:.2f}" for column in columns) + " |" for name in _LAYERS]
    return [
        f"| layer | {' | '.join(str(shape) for shape in _SHAPES)} | WRN-20-4 step | peak memory |",
        "|---|---|---|---|---|",
        *lines,
        f"| {_RIVAL}, measured | {' | '.join(rival)} |",
    ]


def report(lines):
    environment = [] if keras.backend.backend() == "tensorflow" else [f"KERAS_BACKEND={keras.backend.backend()}"]
    command = " ".join([*environment, "python -m benchmarks.layers", *sys.argv[1:]])
    return f"""# The drop layers beside Keras's SpatialDropout2D

Ratios to SpatialDropout2D: below 1 is faster, or less memory. First two columns: forward and backward of the layer
alone. Third: a training step of WRN-20-4 with the layer after every convolution, {_BATCH_SIZE.value} images. Fourth:
the peak memory of a process that takes three such steps. Medians of the ratios within each turn:
n = {_REPEATS.value} turns for a layer alone, n = {_STEPS.value} for a step; memory is measured once.
The aims were 1.50 for a layer and 1.10 for a step. By default FocusedDropout takes part in one batch of ten.
DropBlock2D draws a number for every place where a block may begin, the others at most one for every map.

{os.linesep.join(lines)}

- Command: `{command}`
- Machine: {machine()}
- Date: {datetime.date.today().isoformat()}
"""


def main(_):
    if _MEMORY_OF.value:
        print_peak_memory(_MEMORY_OF.value)
        return
    text = report(measure())
    print(text)
    if _OUTPUT.value:
        pathlib.Path(_OUTPUT.value).write_text(text)


if __name__ == "__main__":
    app.run(main)
