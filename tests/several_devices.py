"""A program that works on two devices, or in two processes, and writes what it finds: see test_several_devices.py.

python several_devices.py mirrored|three|workers|parallel RESULT.npz
"""

import contextlib
import os
import sys

import numpy as np

KIND = sys.argv[1] if __name__ == "__main__" else ""
if KIND == "parallel":
    os.environ |= {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_ENABLE_X64": "1"}
elif KIND:
    import tensorflow as tf

    from tfdrop.training.distribution_tensorflow import multi_worker

    if KIND in ("mirrored", "three"):
        # Devices made of one CPU; to be said before TensorFlow looks at its devices.
        count = 2 if KIND == "mirrored" else 3
        made = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], made)
        strategy = tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(count)])
    else:
        strategy = multi_worker()

import keras  # noqa: E402 (a worker's strategy must come before any other operation)
from keras import layers  # noqa: E402

import tfdrop  # noqa: E402
from tfdrop.data import StreamedImages  # noqa: E402
from tfdrop.influence import ConjugateGradient, LiSSA, replay_influence, total_influence  # noqa: E402
from tfdrop.tasks.devices import predicted  # noqa: E402
from tfdrop.training import Training  # noqa: E402

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(31, 6, 6, 2)), RNG.integers(0, 3, 31)
WEIGHTS = RNG.uniform(0, 2, 31)
SUMMED = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum", dtype="float64")
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float64")


class Sum(keras.losses.Loss):
    """With it, a kernel adds up what it was shown."""

    def call(self, y_true, y_pred):
        return -y_pred[..., 0]


def whole():
    """What is the same on several devices: penalties, and statistics of the whole batch."""
    regularizer = {"kernel_regularizer": keras.regularizers.L2(0.01)}
    convolution = layers.Conv2D(4, 3, activation="tanh", **regularizer)
    synchronized = keras.backend.backend() == "tensorflow"
    return [
        convolution,
        layers.BatchNormalization(synchronized=synchronized),
        layers.Flatten(),
        layers.Dense(3, **regularizer),
    ]


def draws():
    """A coin that is the batch's, which magnifies a decay, and masks that are the samples'."""
    participation = tfdrop.layers.Participation(0.5)
    decay = tfdrop.layers.MagnifiedWeightDecay(participation, 0.0, 1.0)
    kernel = {"use_bias": False, "kernel_regularizer": decay}
    return [
        participation,
        layers.Dense(64, kernel_initializer="identity", trainable=True, **kernel),
        layers.Dropout(0.5),
        layers.Dense(1, use_bias=False, kernel_initializer="zeros"),
    ]


def falling():
    return keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.2, 8), momentum=0.9)


def trained(scope, name, parts, optimizer, train, loss, batch_size, **arguments):
    """Trains a network that is made in a scope; returns it, and its losses and variables by names."""
    keras.utils.set_random_seed(0)
    with scope():
        network = keras.Sequential([keras.Input(train[0].shape[1:], dtype="float64"), *parts()])
        more = arguments | {"seed": 4, "steps_per_dispatch": 1}
        training = Training(network, optimizer(), loss, train, batch_size, **more)
    found = {f"{name}: losses": np.concatenate(list(training.dispatches()))}
    for place, variable in enumerate(network.variables):
        # Not their whole names, in which Keras counts on.
        kind = variable.name.rstrip("_0123456789")
        found[f"{name}: {place} {kind}"] = keras.ops.convert_to_numpy(variable)
    return network, found


def fewer(scope):
    """A last batch of two samples, for three devices."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        few = IMAGES[0][:8], IMAGES[1][:8]
        return (
            trained(scope, "few", whole, falling, few, CROSS_ENTROPY, 6, epochs=2)[1]
            | trained(scope, "few, summed", whole, falling, few, SUMMED, 6, epochs=1)[1]
        )
    finally:
        keras.config.set_dtype_policy(before)


def streamed(x, read):
    """Returns images that are read when they are needed; `read` notes which."""

    def image(number):
        read.append(number)
        return x[number]

    return StreamedImages(image, [str(number) for number in range(len(x))])


def trainings(scope):
    """Trains networks that are made in a scope; returns their losses and variables by names.

    Workers read the images of the first when they are needed.
    """
    found = {}
    x, y = IMAGES
    read = []
    train_images = (streamed(x, read) if KIND == "workers" else x), y

    def train(name, parts, optimizer, train, loss, batch_size, **arguments):
        network, values = trained(scope, name, parts, optimizer, train, loss, batch_size, **arguments)
        found.update(values)
        return network

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        # The last batch of an epoch has one sample, fewer than there are devices.
        network = train("whole", whole, falling, train_images, CROSS_ENTROPY, 10, epochs=2, sample_weights=WEIGHTS)
        found["read"] = np.array(read, int)
        found["whole: outputs"] = predicted(network, IMAGES[0].astype("float32"), 10)
        half = IMAGES[0][:28], IMAGES[1][:28]
        normalized = lambda: [layers.BatchNormalization(), layers.Flatten(), layers.Dense(3)]  # noqa: E731
        train("moving", normalized, falling, half, CROSS_ENTROPY, 14, epochs=2)
        ones, nothing = np.ones((2, 64)), np.zeros(2)
        rate = lambda: keras.optimizers.SGD(0.5)  # noqa: E731
        loss = Sum(reduction="sum", dtype="float64")
        train("draws", draws, rate, (ones, nothing), loss, 2, epochs=1)
        train("coins", draws, rate, (0 * ones, nothing), loss, 2, epochs=9)
    finally:
        keras.config.set_dtype_policy(before)
    return found


def influences(scope):
    """Computes influence on a network that is made in a scope; returns scores and dampings by names."""
    with scope():
        keras.utils.set_random_seed(0)
        convolution = layers.Conv2D(4, 3, activation="tanh", kernel_regularizer="l2")
        parts = [keras.Input((6, 6, 2)), convolution, layers.BatchNormalization(), layers.Flatten(), layers.Dense(3)]
        network = keras.Sequential(parts)
    x, y = IMAGES[0].astype("float32"), IMAGES[1]
    read = []
    train = streamed(x, read), y
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    results = {}
    many_products = ConjugateGradient(tolerance=1e-5)
    for solver, curvature in ((LiSSA(depth=30, batch_size=8), "gauss_newton"), (many_products, "hessian")):
        # The last batch has one sample, fewer than there are replicas.
        found = total_influence(
            network, train, (x[:5], y[:5]), loss=loss, solver=solver, curvature=curvature, batch_size=10, verbose=0
        )
        results |= {f"influence: {curvature} scores": found.scores, f"influence: {curvature} damping": found.damping}
    read_by_influence = len(read)
    read.clear()
    results |= {"tested: outputs": predicted(network, streamed(x, read), 10), "tested: read": len(read)}
    return results | {"read by influence": read_by_influence}


def recorded(scope, parts, train, **arguments):
    """Returns a finished training in float64 that was made in a scope; the last batch of an epoch has one sample."""
    keras.utils.set_random_seed(0)
    with scope():
        network = keras.Sequential([keras.Input((6, 6, 2), dtype="float64"), *parts()])
        training = Training(network, falling(), CROSS_ENTROPY, train, 10, epochs=2, steps_per_dispatch=1, **arguments)
    for _ in training.dispatches():
        pass
    return training


def replays(scope):
    """Replays a training that was recorded in a scope; returns the scores by their name."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        x, y = IMAGES[0][:21], IMAGES[1][:21]
        train = (streamed(x, []) if KIND == "workers" else x), y
        training = recorded(scope, whole, train, sample_weights=WEIGHTS[:21], record=True)
        found = replay_influence(training, (IMAGES[0][21:], IMAGES[1][21:]), verbose=0)
    finally:
        keras.config.set_dtype_policy(before)
    held = training.backward()._arrays.on_device
    devices = held[1].devices() if keras.backend.backend() == "jax" else ()
    return {"replay: scores": found.scores, "replay on": len(devices)}


def drawn_replay(scope):
    """Replays a training in which layers draw; returns a derivative along a direction, and by differences."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        train, validation = (tuple(part[each] for part in IMAGES) for each in (slice(21), slice(21, None)))

        def drawing():
            convolution, _, *others = whole()
            normalization = layers.BatchNormalization()  # by the statistics of each share
            return [convolution, normalization, tfdrop.layers.SpatialScale(0.3), layers.Dropout(0.3), *others]

        scores = replay_influence(recorded(scope, drawing, train, record=True), validation, verbose=0).scores
        direction, step = RNG.normal(size=21), 1e-5
        measured = []
        for sign in (1, -1):
            training = recorded(scope, drawing, train, sample_weights=1 + sign * step * direction)
            outputs = predicted(training.model, validation[0], 10)
            losses = keras.losses.sparse_categorical_crossentropy(validation[1], outputs, from_logits=True)
            measured.append(float(keras.ops.sum(losses)))
    finally:
        keras.config.set_dtype_policy(before)
    difference = (measured[0] - measured[1]) / (2 * step)
    return {"drawn: derivative": scores @ direction / len(scores), "drawn: difference": difference}


def refusals(scope):
    """Returns what is said, by its name, of what cannot be the same on several devices."""
    sgd = lambda: keras.optimizers.SGD(0.1)  # noqa: E731
    mean = keras.losses.MeanSquaredError
    tokens, steps, numbers = np.ones((4, 3), "int32"), np.ones((4, 3, 2)), np.ones((4, 2))
    masked = lambda: [keras.Input((3,), dtype="int32"), layers.Embedding(2, 2, mask_zero=True)]  # noqa: E731
    added = lambda: [keras.Input((2,)), layers.ActivityRegularization(0.1)]  # noqa: E731
    dense = lambda: [keras.Input((2,)), layers.Dense(2)]  # noqa: E731
    cases = {
        "mask": (masked, mean(), tokens, steps, {}),
        "added losses": (lambda: [*added(), layers.Dense(2)], mean(), numbers, numbers, {}),
        "reduction": (dense, mean(reduction="mean_with_sample_weight"), numbers, numbers, {}),
        "outside": (dense, mean(), numbers, numbers, {"optimizer": sgd()}),
        "clipping": (dense, mean(), numbers, numbers, {"clipnorm": 1.0}),
    }
    found = {}
    for name, (parts, loss, x, y, arguments) in cases.items():
        with scope():
            network, optimizer = keras.Sequential(parts()), arguments.pop("optimizer", None) or sgd()
            optimizer.clipnorm = arguments.pop("clipnorm", None)
        try:
            for _ in Training(network, optimizer, loss, (x, y), 4, epochs=1, **arguments).dispatches():
                pass
            found[f"refused: {name}"] = np.array("nothing")
        except ValueError as error:
            found[f"refused: {name}"] = np.array(str(error))
    return found


if KIND == "parallel":
    two = keras.distribution.list_devices()
    found = {f"one {name}": value for name, value in trainings(contextlib.nullcontext).items()}
    found |= {f"one {name}": value for name, value in replays(contextlib.nullcontext).items()}
    scope = keras.distribution.DataParallel(devices=two).scope
    np.savez(sys.argv[2], devices=len(two), **found, **trainings(scope), **replays(scope))
elif KIND == "three":
    np.savez(sys.argv[2], devices=strategy.num_replicas_in_sync, **fewer(strategy.scope))
elif KIND:
    found = trainings(strategy.scope) | influences(strategy.scope)
    found |= replays(strategy.scope) | drawn_replay(strategy.scope)
    if KIND == "mirrored":
        found |= refusals(strategy.scope)
    np.savez(sys.argv[2], devices=strategy.num_replicas_in_sync, **found)
