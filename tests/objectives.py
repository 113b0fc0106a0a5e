"""Models with losses stated in many ways, and what `evaluate` says of them, on any backend: see test_objective.py.

python objectives.py RESULT.npz
"""

import sys

import keras
import numpy as np
from keras import layers, losses

from tfdrop.influence import InfluenceModel

SAMPLES = 12
SUMS = ("a sum", "masks in a sum")


def dense(loss, units=3, activation=None, **compiled):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(units, activation=activation, name="out")(inputs))
    model.compile(loss=loss, **compiled)
    return model


def two_outputs(loss, named=False, **compiled):
    inputs = keras.Input((4,))
    outputs = [layers.Dense(3, "softmax", name="kind")(inputs), layers.Dense(2, name="size")(inputs)]
    model = keras.Model(inputs, {"kind": outputs[0], "size": outputs[1]} if named else outputs)
    model.compile(loss=loss, **compiled)
    return model


def tokens(loss, mask_zero=True, **compiled):
    inputs = keras.Input((5,), dtype="int32")
    hidden = layers.Embedding(6, 4, mask_zero=mask_zero)(inputs)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(hidden))
    model.compile(loss=loss, **compiled)
    return model


def case(name):
    """Returns a compiled model, data, and arguments of `InfluenceModel`; or of class weights, the sample weights."""
    keras.utils.set_random_seed(5)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(SAMPLES, 4)).astype("float32"), rng.integers(0, 3, SAMPLES)
    real, weights = rng.normal(size=(SAMPLES, 2)).astype("float32"), rng.uniform(0, 2, SAMPLES).astype("float32")
    ids, labels = rng.integers(0, 6, (SAMPLES, 5)), rng.integers(0, 3, (SAMPLES, 5))
    labels_or_none = np.where(rng.random((SAMPLES, 5)) < 0.4, -1, labels)
    token_weights = rng.uniform(0, 2, (SAMPLES, 5)).astype("float32")
    sparse, crossentropy = losses.SparseCategoricalCrossentropy, "sparse_categorical_crossentropy"
    both = {"kind": crossentropy, "size": "mse"}
    cases = {
        "plain": lambda: (dense(sparse(from_logits=True)), (x, y)),
        "a sum": lambda: (dense(losses.MeanSquaredError(reduction="sum"), 2), (x, real)),
        "in a list": lambda: (dense([sparse(from_logits=True)]), (x, y)),
        "in a dictionary": lambda: (dense({"out": sparse(from_logits=True)}), (x, y)),
        "loss weight": lambda: (dense("mse", 2, loss_weights=0.3), (x, real)),
        "sample weights": lambda: (dense("mse", 2), (x, real, weights)),
        "column of sample weights": lambda: (dense("mse", 2), (x, real, weights[:, None])),
        "mean with sample weights": lambda: (
            dense(losses.MeanSquaredError(reduction="mean_with_sample_weight"), 2),
            (x, real, weights),
        ),
        "class weights": lambda: (
            dense(sparse(from_logits=True)),
            (x, y),
            {"class_weight": {0: 2.0, 1: 0.5}},
            np.array([2.0, 0.5, 1.0])[y],
        ),
        "one output in a dictionary": lambda: (
            _compiled(keras.Model(*_one_in_dictionary()), {"kind": crossentropy}),
            (x, {"kind": y}),
        ),
        "two outputs": lambda: (two_outputs([crossentropy, "mse"]), (x, [y, real])),
        "two outputs by name": lambda: (two_outputs(both), (x, [y, real])),
        "two outputs in a dictionary, weighted": lambda: (
            two_outputs(both, named=True, loss_weights={"kind": 0.2, "size": 3.0}),
            (x, {"kind": y, "size": real}),
        ),
        "two outputs with sample weights": lambda: (
            two_outputs([crossentropy, "mse"], loss_weights=[0.2, 3.0]),
            (x, [y, real], weights),
        ),
        "one loss for two outputs": lambda: (two_outputs("mse"), (x, [np.eye(3, dtype="float32")[y], real])),
        "a loss for one of two outputs": lambda: (two_outputs(both | {"kind": None}), (x, [y, real])),
        "masks": lambda: (tokens(crossentropy), (ids, labels)),
        "masks and weights of tokens": lambda: (tokens(crossentropy), (ids, labels, token_weights)),
        "masks in a sum": lambda: (tokens(sparse(reduction="sum")), (ids, labels)),
        "ignore_class": lambda: (tokens(sparse(ignore_class=-1), mask_zero=False), (ids, labels_or_none)),
        "masks and ignore_class": lambda: (tokens(sparse(ignore_class=-1)), (ids, labels_or_none)),
    }
    return cases if name is None else cases[name]()


def _one_in_dictionary():
    inputs = keras.Input((4,))
    return inputs, {"kind": layers.Dense(3, "softmax", name="kind")(inputs)}


def _compiled(model, loss):
    model.compile(loss=loss)
    return model


CASES = list(case(None))


def means_and_evaluated(name):
    """Returns the mean or sum of our per-sample losses, read in batches of 5, and what `evaluate` has in one batch."""
    model, data, *more = case(name)
    model.run_eagerly = True  # tracing takes longer than computing
    arguments, weights = more or ({}, None)
    evaluated = model.evaluate(*data[:2], sample_weight=weights if more else (data[2:] or [None])[0],
                               batch_size=SAMPLES, verbose=0)  # fmt: skip
    influence = InfluenceModel(model, data, batch_size=5, verbose=0, **arguments)
    ours = influence.losses()
    assert ours.shape == (SAMPLES,)
    ours = ours.sum() if name in SUMS else ours.mean()
    return float(ours), float(np.ravel(evaluated)[0])


if __name__ == "__main__":
    np.savez(sys.argv[1], **{name: means_and_evaluated(name) for name in CASES})
