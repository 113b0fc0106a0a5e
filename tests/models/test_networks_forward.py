"""What the networks compute, against their papers' formulas in NumPy."""

import numpy as np
import pytest
from scipy.special import erf

from tfdrop.models import VGG19, AllCNN, CifarResNet, DenseNet, ImageNetResNet, ResNeXt, WideResNet

IMAGES = np.random.default_rng(0).normal(size=(2, 11, 9, 3))


class Layers:
    """A model's layers in NumPy, found by their names."""

    def __init__(self, model):
        self.model = model

    def weights(self, name):
        return [np.asarray(weight, "float64") for weight in self.model.get_layer(name).weights]

    def conv(self, x, name, strides=1, padding=None, cardinality=1):
        kernel, *bias = self.weights(name)
        side = kernel.shape[0]
        x = pad(x, side // 2 if padding is None else padding)
        rows, columns = x.shape[1] - side + 1, x.shape[2] - side + 1
        parts = zip(np.split(x, cardinality, axis=-1), np.split(kernel, cardinality, axis=-1), strict=True)
        y = np.concatenate(
            [
                sum(
                    maps[:, i : i + rows : strides, j : j + columns : strides] @ part[i, j]
                    for i in range(side)
                    for j in range(side)
                )
                for maps, part in parts
            ],
            axis=-1,
        )
        return y + sum(bias)

    def norm(self, x, name):
        gamma, beta, mean, variance = self.weights(name)
        return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta

    def conv_norm(self, x, name, **arguments):
        return self.norm(self.conv(x, name, **arguments), f"{name}_bn")

    def norm_relu(self, x, name):
        return relu(self.norm(x, f"{name}_bn"))

    def dense(self, x):
        kernel, bias = self.weights("logits")
        return x.mean(axis=(1, 2)) @ kernel + bias


def relu(x):
    return np.maximum(x, 0)


def pad(x, width):
    return np.pad(x, [(0, 0), (width, width), (width, width), (0, 0)])


def pool(x, side, strides, reduce):
    """Pooling that takes what is there at the lower and right borders."""
    rows, columns = range(0, x.shape[1], strides), range(0, x.shape[2], strides)
    return np.stack(
        [np.stack([reduce(x[:, i : i + side, j : j + side], axis=(1, 2)) for j in columns], axis=1) for i in rows],
        axis=1,
    )


def option_a(x, maps, strides):
    return np.pad(x[:, ::strides, ::strides], [(0, 0), (0, 0), (0, 0), (0, maps - x.shape[-1])])


def basic_resnet(at, x, groups=3, maps=4):
    for group in range(1, groups + 1):
        strides, name = 1 + (group > 1), f"group{group}_block1"
        y = relu(at.conv_norm(x, f"{name}_conv1", strides=strides))
        y = at.conv_norm(y, f"{name}_conv2")
        x = relu(y + option_a(x, maps * 2 ** (group - 1), strides))
    return at.dense(x)


def small_basic_resnet(at, x):
    return basic_resnet(at, relu(at.conv_norm(x, "stem_conv")))


def bottleneck_resnet(at, x, cardinality=1):
    x = relu(at.conv_norm(x, "stem_conv"))
    for group in (1, 2, 3):
        strides, name = 1 + (group > 1), f"group{group}_block1"
        y = relu(at.conv_norm(x, f"{name}_conv1"))
        y = relu(at.conv_norm(y, f"{name}_conv2", strides=strides, cardinality=cardinality))
        y = at.conv_norm(y, f"{name}_conv3")
        x = relu(y + at.conv_norm(x, f"{name}_shortcut", strides=strides))
    return at.dense(x)


def resnext(at, x):
    return bottleneck_resnet(at, x, cardinality=2)


def wide_resnet(at, x):
    x = at.conv(x, "stem_conv")
    for group in (1, 2, 3):
        strides, name = 1 + (group > 1), f"group{group}_block1"
        y = at.norm_relu(x, f"{name}_pre1")
        # With a widening factor of 1 the first group needs no projection.
        x = x if group == 1 else at.conv(y, f"{name}_shortcut", strides=strides)
        y = at.conv(y, f"{name}_conv1", strides=strides)
        x = x + at.conv(at.norm_relu(y, f"{name}_pre2"), f"{name}_conv2")
    return at.dense(at.norm_relu(x, "group3_last"))


def densenet(at, x, bottleneck=False):
    x = at.conv(x, "stem_conv")
    for group in (1, 2, 3):
        for block in (1, 2):
            name = f"group{group}_block{block}"
            y = at.conv(at.norm_relu(x, f"{name}_pre1"), f"{name}_conv1")
            if bottleneck:
                y = at.conv(at.norm_relu(y, f"{name}_pre2"), f"{name}_conv2")
            x = np.concatenate([x, y], axis=-1)
        if group < 3:
            y = at.conv(at.norm_relu(x, f"group{group}_transition_pre"), f"group{group}_transition")
            x = pool(y, 2, 2, np.mean)
    return at.dense(at.norm_relu(x, "group3_last"))


def densenet_bc(at, x):
    return densenet(at, x, bottleneck=True)


def vgg(at, x):
    for group, count in enumerate((2, 2, 4, 4, 4), start=1):
        for index in range(1, count + 1):
            x = relu(at.conv_norm(x, f"group{group}_conv{index}"))
        x = pool(x, 2, 2, np.max)
    return at.dense(x)


def all_cnn(at, x):
    for group in (1, 2):
        for index, strides in ((1, 1), (2, 1), (3, 2)):
            x = relu(at.conv(x, f"group{group}_conv{index}", strides=strides))
    for index in (1, 2, 3):
        x = relu(at.conv(x, f"group3_conv{index}", padding=0))
    return x.mean(axis=(1, 2))


def imagenet_stem(at, x):
    x = relu(at.conv_norm(x, "stem_conv", strides=2))
    # The window of 3 around every second pixel.
    x = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=-np.inf)
    rows, columns = x.shape[1] - 2, x.shape[2] - 2
    windows = [x[:, i : i + rows : 2, j : j + columns : 2] for i in range(3) for j in range(3)]
    return np.max(windows, axis=0)


def imagenet_resnet18(at, x):
    x = imagenet_stem(at, x)
    for group in range(1, 5):
        for block in (1, 2):
            strides, name = 1 + (group > 1 and block == 1), f"group{group}_block{block}"
            y = relu(at.conv_norm(x, f"{name}_conv1", strides=strides))
            y = at.conv_norm(y, f"{name}_conv2")
            x = relu(y + option_a(x, y.shape[-1], strides))
    return at.dense(x)


@pytest.mark.parametrize(
    ("make", "reference"),
    [
        (lambda *data: CifarResNet(8, *data, filters=4), small_basic_resnet),
        (lambda *data: CifarResNet(11, *data, filters=3, block="bottleneck"), bottleneck_resnet),
        (lambda *data: ResNeXt(*data, depth=11, cardinality=2, width=3), resnext),
        (lambda *data: WideResNet(*data, depth=10, widen=1), wide_resnet),
        (lambda *data: DenseNet(*data, depth=10, growth_rate=3), densenet),
        (lambda *data: DenseNet(*data, depth=16, growth_rate=3, bottleneck=True), densenet_bc),
        (VGG19, vgg),
        (AllCNN, all_cnn),
        (lambda *data: ImageNetResNet(18, *data), imagenet_resnet18),
    ],
    ids=["resnet", "bottleneck", "resnext", "wrn", "densenet", "densenet_bc", "vgg", "all_cnn", "imagenet"],
)
def test_logits(make, reference):
    check_logits(make(IMAGES.shape[1:], 5), reference)


@pytest.mark.parametrize(
    ("make", "reference"),
    [
        (lambda *data, **like: CifarResNet(8, *data, filters=4, **like), small_basic_resnet),
        (lambda *data, **like: DenseNet(*data, depth=16, growth_rate=3, bottleneck=True, **like), densenet_bc),
        (AllCNN, all_cnn),
    ],
    ids=["resnet", "densenet_bc", "all_cnn"],
)
@pytest.mark.parametrize(
    ("name", "function"),
    [("gelu", lambda x: x * (1 + erf(x / np.sqrt(2))) / 2), ("silu", lambda x: x / (1 + np.exp(-x)))],
    ids=["gelu", "silu"],
)
def test_other_activations_in_all_the_places(make, reference, name, function, monkeypatch):
    model = make(IMAGES.shape[1:], 5, activation=name)
    monkeypatch.setitem(globals(), "relu", function)
    check_logits(model, reference)


def check_logits(model, reference):
    random = np.random.default_rng(1)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
    expected = reference(Layers(model), IMAGES)
    np.testing.assert_allclose(model(IMAGES.astype("float32")), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
