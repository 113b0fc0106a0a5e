"""Small models of every kind of layer that can hold weights or stand between them, for both backends.

A `Kind` says how derivatives are expected to be computed on TensorFlow where that is not forward over backward.
"""

import itertools
import os
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
from keras import layers, ops

FORWARD = "forward over backward"
REVERSE = "reverse over reverse"
DIFFERENCES = "central differences"


class Kind(NamedTuple):
    """A function of an input tensor that gives the model's output, and the input's shape.

    Attributes:
        build: Function from symbolic inputs to outputs.
        shape: Shape of a sample.
        method: How its second derivatives are expected to be computed on TensorFlow; `None` for forward over backward.
        blamed: Class of the layer that is to be blamed where that is another way.
        same: A function that is the same in float64, where TensorFlow has none or rounds to float32.
        tokens: Number of different integers in the samples; 0 for floats.
    """

    build: Callable
    shape: tuple
    method: str | None = None
    blamed: str | None = None
    tokens: int = 0
    same: Callable | None = None


def stack(*parts):
    """Returns a function that calls layers one after another."""

    def build(x):
        for part in parts:
            x = part(x)
        return x

    return build


# A layer is made when its kind is built, so the table holds functions that make them.
def _kinds():
    def conv(filters=2, kernel=1, **options):
        return lambda x: layers.Conv2D(filters, kernel, activation="tanh", **options)(x)

    def after_dense(make, units=4, **options):
        return lambda x: make()(layers.Dense(units, activation="tanh", **options)(x))

    def after_conv(make):
        return lambda x: make()(layers.Conv2D(2, 1, activation="tanh")(x))

    def after_conv3d(make):
        return lambda x: make()(layers.Conv3D(2, 1, activation="tanh")(x))

    def conv1d(filters=2):
        return lambda x: layers.Conv1D(filters, 1, activation="tanh")(x)

    def alone(make):
        return lambda x: make()(x)

    image, sequence, volume = (5, 4, 2), (4, 3), (3, 3, 3, 2)
    table = {
        # Dense layers and activations
        "dense": Kind(after_dense(lambda: layers.Dense(2)), (3,)),
        "einsum_dense": Kind(alone(lambda: layers.EinsumDense("abc,cd->abd", (None, 2), bias_axes="d")), sequence),
        "prelu": Kind(after_dense(layers.PReLU), (3,)),
        "softmax_layer": Kind(after_dense(layers.Softmax), (3,)),
        "time_distributed": Kind(alone(lambda: layers.TimeDistributed(layers.Dense(2, activation="tanh"))), sequence),
        **{
            f"activation_{name}": Kind(after_dense(lambda name=name: layers.Dense(2, activation=name)), (3,))
            for name in ("relu", "gelu", "silu", "softplus", "softsign", "elu", "leaky_relu", "hard_sigmoid")
        },
        # Embeddings and masks
        "embedding": Kind(lambda x: layers.Dense(2)(ops.tanh(layers.Embedding(5, 3)(x))), (4,), tokens=5),
        "embedding_masked": Kind(
            lambda x: layers.GlobalAveragePooling1D()(
                layers.Dense(2, activation="tanh")(layers.Embedding(5, 3, mask_zero=True)(x))
            ),
            (4,),
            tokens=5,
        ),
        # Convolutions
        "conv1d_causal": Kind(
            alone(lambda: layers.Conv1D(2, 2, padding="causal", dilation_rate=2, activation="tanh")), sequence
        ),
        "conv1d_strides": Kind(
            alone(lambda: layers.Conv1D(2, 3, 2, padding="same", activation="tanh")), (5, 2)
        ),
        "conv2d": Kind(stack(conv(2, 3), conv(2, 2)), image),
        "conv2d_same_strides": Kind(conv(2, 3, strides=2, padding="same"), image),
        "conv2d_dilated": Kind(conv(2, 2, dilation_rate=2), image),
        "conv2d_grouped": Kind(conv(4, 2, groups=2), image, REVERSE, "Conv2D"),
        "conv3d": Kind(alone(lambda: layers.Conv3D(2, 2, activation="tanh")), volume),
        "conv1d_transpose": Kind(alone(lambda: layers.Conv1DTranspose(2, 2, 2, activation="tanh")), sequence),
        "conv2d_transpose": Kind(
            alone(lambda: layers.Conv2DTranspose(2, 3, 2, padding="same", activation="tanh")), (3, 2, 2)
        ),
        "depthwise_conv1d": Kind(alone(lambda: layers.DepthwiseConv1D(2, activation="tanh")), sequence),
        "depthwise_conv2d": Kind(
            alone(lambda: layers.DepthwiseConv2D(2, depth_multiplier=2, activation="tanh")), image
        ),
        "depthwise_conv2d_strides": Kind(
            alone(lambda: layers.DepthwiseConv2D(3, 2, padding="same", activation="tanh")), image
        ),
        "separable_conv2d": Kind(alone(lambda: layers.SeparableConv2D(3, 2, activation="tanh")), image),
        # Normalization
        "batch_normalization": Kind(after_conv(layers.BatchNormalization), image),
        "layer_normalization": Kind(after_dense(layers.LayerNormalization), (3,)),
        "rms_normalization": Kind(after_dense(layers.RMSNormalization), (3,)),
        "group_normalization": Kind(after_dense(lambda: layers.GroupNormalization(2)), (3,)),
        "unit_normalization": Kind(after_dense(layers.UnitNormalization), (3,)),
        "convnext_block": Kind(_convnext_block, (3, 3, 4), REVERSE, "Conv2D"),
        # Recurrent layers: loops, which TensorFlow takes seconds to trace backwards twice
        "simple_rnn": Kind(alone(lambda: layers.SimpleRNN(2)), (3, 2), REVERSE, "SimpleRNN"),
        "lstm": Kind(alone(lambda: layers.LSTM(2)), (3, 2), REVERSE, "LSTM"),
        "gru": Kind(alone(lambda: layers.GRU(2)), (3, 2), REVERSE, "GRU"),
        "bidirectional": Kind(alone(lambda: layers.Bidirectional(layers.SimpleRNN(2))), (3, 2), REVERSE, "SimpleRNN"),
        "conv_lstm1d": Kind(alone(lambda: layers.ConvLSTM1D(1, 2)), (2, 3, 1), REVERSE, "ConvLSTM1D"),
        "lstm_unrolled": Kind(alone(lambda: layers.LSTM(2, unroll=True)), (3, 2)),
        # Attention
        "multi_head_attention": Kind(lambda x: layers.MultiHeadAttention(2, 2)(x, x), sequence),
        "multi_head_attention_causal": Kind(
            lambda x: layers.MultiHeadAttention(1, 2)(x, x, use_causal_mask=True), sequence
        ),
        "grouped_query_attention": Kind(lambda x: layers.GroupQueryAttention(2, 2, 1)(x, x), sequence),
        "attention": Kind(lambda x: layers.Attention(use_scale=True)([layers.Dense(3)(x), x]), sequence),
        "additive_attention": Kind(lambda x: layers.AdditiveAttention()([layers.Dense(3)(x), x]), sequence),
        # Pooling and resizing
        "max_pooling1d": Kind(lambda x: layers.MaxPooling1D(2)(conv1d()(x)), sequence),
        "max_pooling2d": Kind(after_conv(layers.MaxPooling2D), image),
        "max_pooling1d_overlapping": Kind(lambda x: layers.MaxPooling1D(3, 1)(conv1d()(x)), (5, 3)),
        "max_pooling2d_overlapping": Kind(after_conv(lambda: layers.MaxPooling2D(3, 1, "same")), image),
        "max_pooling3d": Kind(
            after_conv3d(lambda: layers.MaxPooling3D(2)), volume, same=after_conv3d(lambda: lambda y: _pooled_3d(y, 2))
        ),
        "max_pooling3d_overlapping": Kind(
            after_conv3d(lambda: layers.MaxPooling3D(2, 1)), volume,
            same=after_conv3d(lambda: lambda y: _pooled_3d(y, 1)),
        ),
        "average_pooling2d": Kind(after_conv(lambda: layers.AveragePooling2D(3, 1, "same")), image),
        "global_max_pooling2d": Kind(after_conv(layers.GlobalMaxPooling2D), image),
        "global_average_pooling2d": Kind(after_conv(layers.GlobalAveragePooling2D), image),
        "up_sampling1d": Kind(lambda x: layers.UpSampling1D(2)(conv1d()(x)), sequence),
        "up_sampling2d_nearest": Kind(after_conv(layers.UpSampling2D), image),
        "up_sampling2d_bilinear": Kind(
            after_conv(lambda: layers.UpSampling2D(2, interpolation="bilinear")), image, DIFFERENCES, "UpSampling2D",
            same=after_conv(lambda: lambda y: _resized(y, 2 * image[0], 2 * image[1])),
        ),
        "resizing_bilinear": Kind(
            after_conv(lambda: layers.Resizing(3, 3)), image, DIFFERENCES, "Resizing",
            same=after_conv(lambda: lambda y: _resized(y, 3, 3)),
        ),
        "resizing_bicubic": Kind(after_conv(lambda: layers.Resizing(3, 3, interpolation="bicubic")), image),
        "zero_padding_and_cropping2d": Kind(
            lambda x: layers.Cropping2D(1)(conv(2, 2)(layers.ZeroPadding2D(2)(conv()(x)))), image
        ),
        # Several branches
        **{
            name: Kind(lambda x, make=make: make()([layers.Dense(3, activation="tanh")(x), layers.Dense(3)(x)]), (3,))
            for name, make in {
                "add": layers.Add,
                "multiply": layers.Multiply,
                "maximum": layers.Maximum,
                "concatenate": layers.Concatenate,
                "dot": lambda: layers.Dot(1),
            }.items()
        },
        "permute_and_reshape": Kind(
            lambda x: layers.Dense(2)(layers.Reshape((2, 6))(layers.Permute((2, 1))(conv1d(3)(x)))), sequence
        ),
        "shared_layer_in_a_nested_model": Kind(_nested, (3,)),
        "loop": Kind(lambda x: Loop()(x), (3,), REVERSE, "Loop"),
    }  # fmt: skip
    return table


def _pooled_3d(y, stride):
    """The maximum of each cube of two pixels a side."""
    starts = itertools.product((0, 1), repeat=3)
    ends = [stride * ((side - 2) // stride) + 1 for side in y.shape[1:4]]
    cubes = [y[:, a : a + ends[0] : stride, b : b + ends[1] : stride, c : c + ends[2] : stride] for a, b, c in starts]
    return ops.max(ops.stack(cubes), axis=0)


def _resized(y, height, width):
    """Bilinear resizing as two products with matrices."""
    rows, columns = (_bilinear(source, target) for source, target in zip(y.shape[1:3], (height, width), strict=True))
    return ops.einsum("jw,biwc->bijc", columns, ops.einsum("ih,bhwc->biwc", rows, y))


def _bilinear(source, target):
    centres = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    matrix = np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(source)))
    return ops.convert_to_tensor(matrix)


def _convnext_block(x):
    """A depthwise convolution, layer normalization, and two dense layers with a GELU between, beside a connection."""
    y = layers.LayerNormalization(epsilon=1e-6)(layers.Conv2D(4, 3, padding="same", groups=4)(x))
    return layers.Add()([x, layers.Dense(4)(layers.Dense(5, activation="gelu")(y))])


def _nested(x):
    inputs = keras.Input((3,), dtype=x.dtype)
    inner = keras.Model(inputs, layers.Dense(3, activation="tanh")(inputs))
    return inner(inner(x))


class Loop(layers.Layer):
    """Multiplies by a matrix, again and again."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], shape[-1]))

    def call(self, x):
        return ops.fori_loop(0, 3, lambda _, state: ops.tanh(ops.matmul(state, self.kernel)), x)

    def compute_output_shape(self, shape):
        return shape


KINDS = _kinds()
# JAX compiles each kind for seconds, so that all of them are run by hand: TFDROP_EVERY_KIND=1 python -m pytest
# tests/influence/test_derivatives_on_jax.py. Keras resizes with TensorFlow on every backend.
SLOW = ("convnext_block", "simple_rnn", "lstm", "gru", "bidirectional", "conv_lstm1d", "loop")
SOME = (
    *("dense", "activation_softsign", "embedding_masked", "conv2d_grouped", "depthwise_conv2d_strides"),
    *("batch_normalization", "lstm", "gru", "multi_head_attention", "max_pooling2d_overlapping", "loop"),
)
ON_JAX = [name for name in KINDS if not name.startswith("resizing")] if os.environ.get("TFDROP_EVERY_KIND") else SOME


def make(kind, dtype="float32", seed=3):
    """Builds the model of a kind with random weights, and data: `(model, x, y)`, the same for every type.

    In float64 the model is of the function that is `same`, where the kind has one.
    """
    build = kind.same if kind.same is not None and dtype == "float64" else kind.build
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        inputs = keras.Input(kind.shape, dtype="int32" if kind.tokens else dtype)
        model = keras.Model(inputs, layers.Flatten()(build(inputs)))
    finally:
        keras.config.set_dtype_policy(before)
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "seed" not in variable.path:
            values = rng.uniform(0.3, 1.0, variable.shape) * rng.choice([-1, 1], variable.shape)
            variable.assign(values if variable.trainable else np.abs(values))
    x = rng.integers(0, kind.tokens, (3, *kind.shape)) if kind.tokens else rng.normal(size=(3, *kind.shape))
    x = x.astype("int32" if kind.tokens else "float32")
    y = rng.normal(size=model(x).shape).astype("float32")
    return model, x, y
