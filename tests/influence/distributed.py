"""A program that computes influence under a strategy, and writes what it finds: see test_distributed.py.

python distributed.py one|mirrored|workers RESULT.npz
"""

import sys

import numpy as np
import tensorflow as tf

kind, path = sys.argv[1:]
if kind == "mirrored":
    # Two devices made of one CPU; to be said before TensorFlow looks at its devices.
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
strategy = {
    "one": tf.distribute.get_strategy,
    "mirrored": lambda: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
    "workers": tf.distribute.MultiWorkerMirroredStrategy,
}[kind]()

import keras  # noqa: E402 (a worker's strategy must come before any other operation)

from tfdrop.influence import LiSSA, total_influence  # noqa: E402

with strategy.scope():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(4, 3, activation="tanh", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
rng = np.random.default_rng(0)
x, y = rng.normal(size=(31, 6, 6, 1)).astype("float32"), rng.integers(0, 3, 31)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
results = {}
for solver, curvature in ((LiSSA(depth=30, batch_size=8), "gauss_newton"), ("cg", "hessian")):
    # The last batch has one sample, fewer than there are replicas.
    found = total_influence(
        model, (x, y), (x[:5], y[:5]), loss=loss, solver=solver, curvature=curvature, batch_size=10, verbose=0
    )
    results |= {f"{curvature} scores": found.scores, f"{curvature} damping": found.damping}
np.savez(path, replicas=strategy.num_replicas_in_sync, **results)
