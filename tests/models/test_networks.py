"""The networks' published sizes, and what every network takes as arguments."""

import re

import keras
import numpy as np
import pytest

import tfdrop
from tfdrop.models import NETWORKS, build


def conv(side, inputs, outputs, norm=2):
    """Parameters of a convolution without bias and of its batch normalization's scale and offset."""
    return side * side * inputs * outputs + norm * outputs


def dense(inputs, classes=10):
    return inputs * classes + classes


def basic(n, w=16):
    """He et al., section 4.2: 6n + 2 layers, no parameters in the shortcuts."""
    groups = [
        2 * n * conv(3, w, w),
        conv(3, w, 2 * w) + (2 * n - 1) * conv(3, 2 * w, 2 * w),
        conv(3, 2 * w, 4 * w) + (2 * n - 1) * conv(3, 4 * w, 4 * w),
    ]
    return conv(3, 3, w) + sum(groups) + dense(4 * w)


def bottlenecks(n, first, widths, outputs, cardinality=1):
    """9n + 2 layers (and ResNet-50's groups), projections in the shortcuts. The groups without stem and head."""
    total, inputs = 0, first
    for count, width, output in zip(n, widths, outputs, strict=True):
        total += conv(1, inputs, output)
        for _ in range(count):
            total += conv(1, inputs, width) + conv(3, width // cardinality, width) + conv(1, width, output)
            inputs = output
    return total


def cifar_bottlenecks(n):
    return conv(3, 3, 16) + bottlenecks([n] * 3, 16, (16, 32, 64), (64, 128, 256)) + dense(256)


def wide(n, k):
    """Zagoruyko and Komodakis, Table 1: batch normalization before each convolution but the first."""
    total, inputs = 3 * 3 * 3 * 16, 16
    for outputs in (16 * k, 32 * k, 64 * k):
        total += inputs * outputs
        for _ in range(n):
            total += 2 * inputs + 9 * inputs * outputs + 2 * outputs + 9 * outputs * outputs
            inputs = outputs
    return total + 2 * inputs + dense(inputs)


def densely(n, k, first, bottleneck, compression):
    """Huang et al., section 3: batch normalization before each convolution but the first."""
    total, maps = 27 * first, first
    for block in range(3):
        for _ in range(n):
            if bottleneck:
                total += 2 * maps + maps * 4 * k + 2 * 4 * k + 9 * 4 * k * k
            else:
                total += 2 * maps + 9 * maps * k
            maps += k
        if block < 2:
            kept = int(maps * compression)
            total += 2 * maps + maps * kept
            maps = kept
    return total + 2 * maps + dense(maps)


def imagenet_basic(counts):
    total, inputs = conv(7, 3, 64), 64
    for count, maps in zip(counts, (64, 128, 256, 512), strict=True):
        total += conv(3, inputs, maps) + (2 * count - 1) * conv(3, maps, maps)
        inputs = maps
    return total + dense(512, 1000)


VGG_MAPS = [3, 64, 64, 128, 128, *[256] * 4, *[512] * 8]
ALL_CNN = [(3, 3, 96), *[(3, 96, 96)] * 2, (3, 96, 192), *[(3, 192, 192)] * 3, (1, 192, 192), (1, 192, 10)]
RESNET50 = bottlenecks((3, 4, 6, 3), 64, (64, 128, 256, 512), (256, 512, 1024, 2048))

# The parameters counted by hand, what the paper (or, for VGG and ImageNet's networks, PyTorch's table) prints, and
# the maps that the last average is over.
SIZES = {
    "resnet8": (basic(1), None, (8, 8, 64)),
    "resnet20": (basic(3), 0.27, (8, 8, 64)),
    "resnet32": (basic(5), 0.46, (8, 8, 64)),
    "resnet56": (basic(9), 0.85, (8, 8, 64)),
    "resnet110": (basic(18), 1.7, (8, 8, 64)),
    "resnet152": (basic(25), None, (8, 8, 64)),
    "resnet56_bottleneck": (cifar_bottlenecks(6), None, (8, 8, 256)),
    "resnet110_bottleneck": (cifar_bottlenecks(12), None, (8, 8, 256)),
    "wrn20_4": (basic(3, w=64), None, (8, 8, 256)),
    "wrn20_8": (basic(3, w=128), None, (8, 8, 512)),
    "wrn28_10": (wide(4, 10), 36.5, (8, 8, 640)),
    "resnext29_8x64d": (
        conv(3, 3, 64) + bottlenecks([3] * 3, 64, (512, 1024, 2048), (256, 512, 1024), 8) + dense(1024),
        34.4,
        (8, 8, 1024),
    ),
    "densenet40": (densely(12, 12, 16, False, 1), 1.0, (8, 8, 448)),
    "densenet_bc100": (densely(16, 12, 24, True, 0.5), 0.8, (8, 8, 342)),
    "vgg19_bn": (sum(map(conv, [3] * 16, VGG_MAPS, VGG_MAPS[1:])) + dense(512), 20.04, (1, 1, 512)),
    "allcnn_c": (sum(conv(*each, norm=1) for each in ALL_CNN), 1.4, (6, 6, 10)),
    "resnet18_imagenet": (imagenet_basic((2, 2, 2, 2)), None, (7, 7, 512)),
    "resnet34_imagenet": (imagenet_basic((3, 4, 6, 3)), None, (7, 7, 512)),
    "resnet50_imagenet": (conv(7, 3, 64) + RESNET50 + dense(2048, 1000), 25.557032, (7, 7, 2048)),
}
# The counts that PyTorch's model tables give for ResNet-18 and -34, whose shortcuts are projections.
PROJECTIONS = conv(1, 64, 128) + conv(1, 128, 256) + conv(1, 256, 512)
TORCHVISION = {18: 11_689_512, 34: 21_797_672}


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def test_every_network_has_its_size_below():
    assert list(SIZES) == list(NETWORKS)


@pytest.mark.parametrize("name", SIZES)
def test_published_number_of_parameters(built, name):
    counted, printed, _ = SIZES[name]
    assert trainable(built(name).model) == counted
    if printed is not None:
        decimals = len(str(printed).split(".")[1])
        assert round(counted / 1e6, decimals) == printed


@pytest.mark.parametrize("name", SIZES)
def test_shapes(built, name):
    model = built(name).model
    _, _, maps = SIZES[name]
    [average] = [layer for layer in model.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)]
    assert average.input.shape == (None, *maps)
    assert model.output_shape == (None, 1000 if "imagenet" in name else 10)
    assert model.name == name


def test_sizes_that_fix_the_templates(built):
    # SelectScale, section 3.3: "WRN-20-8 employs about four times more parameters than WRN-20-4".
    assert trainable(built("wrn20_8").model) / trainable(built("wrn20_4").model) == pytest.approx(4, rel=0.01)
    # He et al., 2016, Table 4: 1.7M for ResNet-164, which has the bottleneck template.
    assert round(cifar_bottlenecks(18) / 1e6, 1) == 1.7
    for depth, count in TORCHVISION.items():
        assert trainable(built(f"resnet{depth}_imagenet").model) == count - PROJECTIONS


def test_the_counts_that_docstrings_give():
    documented = {
        "resnet20": "269,722",
        "resnet32": "464,154",
        "resnet56": "853,018",
        "resnet110": "1,727,962",
        "resnet56_bottleneck": "591,322",
        "resnet110_bottleneck": "1,147,738",
        "wrn28_10": "36,479,194",
        "resnext29_8x64d": "34,426,698",
        "densenet40": "1,019,722",
        "densenet_bc100": "769,162",
        "vgg19_bn": "20,035,018",
        "allcnn_c": "1,369,738",
        "resnet18_imagenet": "11,515,688",
        "resnet34_imagenet": "21,623,848",
        "resnet50_imagenet": "25,557,032",
    }
    for name, count in documented.items():
        assert f"{SIZES[name][0]:,}" == count
        network = NETWORKS[name]
        assert count in getattr(network, "func", network).__doc__


def test_option_b():
    model = build("resnet8", (32, 32, 3), 10, shortcut="B")
    assert trainable(model) == basic(1) + conv(1, 16, 32) + conv(1, 32, 64)


SMALL = {
    "resnet8": {"filters": 4},
    "resnet56_bottleneck": {"filters": 4},
    "wrn28_10": {"depth": 10, "widen": 1},
    "resnext29_8x64d": {"depth": 11, "cardinality": 2, "width": 4},
    "densenet40": {"depth": 10},
    "vgg19_bn": {},
    "resnet18_imagenet": {},
}


@pytest.mark.parametrize(
    ("name", "shape"),
    [*((name, (8, 8, 1)) for name in SMALL), ("resnet8", (28, 28, 1)), ("densenet40", (28, 28, 1))],
)
def test_grey_and_small_images(name, shape):
    arguments = SMALL[name] | {"kernel_initializer": "zeros"}
    if name == "resnet56_bottleneck":
        model = tfdrop.models.CifarResNet(11, shape, 3, block="bottleneck", **arguments)
    else:
        model = build(name, shape, 3, **arguments)
    assert model.output_shape == (None, 3)
    assert model.input_shape == (None, *shape)


def test_all_cnn_needs_nine_pixels():
    assert build("allcnn_c", (9, 28, 1), 10).output_shape == (None, 10)
    with pytest.raises(ValueError, match=r"sides of at least 9 pixels. Received: input_shape=\(28, 8, 1\)"):
        build("allcnn_c", (28, 8, 1), 10)


def kernels(model):
    return [layer for layer in model.layers if hasattr(layer, "kernel")]


def test_initialization(built):
    assert built("resnet8").model.get_layer("stem_conv").kernel_initializer.__class__ is keras.initializers.Zeros
    for network, initializer in (
        (build("resnet8", (8, 8, 1), 3, filters=2), keras.initializers.HeNormal),
        (build("allcnn_c", (9, 9, 1), 3), keras.initializers.GlorotUniform),
    ):
        assert {type(layer.kernel_initializer) for layer in kernels(network)} == {initializer}


def test_weight_decay_is_the_term_d_w_in_the_gradient_of_the_kernels():
    model = build("resnet8", (8, 8, 1), 3, filters=2, weight_decay=0.01)
    decayed = kernels(model)
    assert len(decayed) == 8
    # A penalty of d / 2 * |w|^2 has the gradient d * w.
    expected = sum(0.01 / 2 * np.sum(np.square(layer.kernel)) for layer in decayed)
    np.testing.assert_allclose(float(sum(model.losses)), expected, rtol=1e-5)
    assert build("resnet8", (8, 8, 1), 3, filters=2).losses == []


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", None])
def test_precision(dtype):
    made = []

    def drop(site):
        made.append(keras.layers.SpatialDropout2D(0.1))
        return made[-1]

    model = build("resnet8", (8, 8, 1), 3, filters=2, drop=drop, dtype=dtype)
    expected = "bfloat16" if dtype else "float32"
    assert {layer.compute_dtype for layer in [*made, *kernels(model)[:-1]]} == {expected}
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert model(np.zeros((2, 8, 8, 1), "float32")).dtype == "float32"


def test_keras_s_own_policy_is_as_it_was():
    def drop(site):
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        raise RuntimeError("out of the middle")

    with pytest.raises(RuntimeError, match="out of the middle"):
        build("resnet8", (8, 8, 1), 3, drop=drop, dtype="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "resnet56_bottle"}, "`name`. Expected one of 'resnet56_bottleneck'"),
        ({"name": None}, "`name`. Expected one of 'resnet8', 'resnet20'"),
        ({"name": "wrn_28_10"}, "`name`. Expected one of 'wrn28_10'"),
        ({"activation": "tanh"}, "`activation`. Expected one of 'relu', 'gelu', 'silu'. Received: activation='tanh'"),
        ({"classes": 0}, "`classes`. Expected an integer of at least 1. Received: classes=0"),
        ({"input_shape": (32, 32)}, "`input_shape`. Expected three integers"),
        ({"input_shape": (32, None, 3)}, "`input_shape`. Expected three integers"),
        ({"weight_decay": -1e-4}, "`weight_decay`. Expected a float of at least 0 or a regularizer"),
        ({"weight_decay": "5e-4"}, "`weight_decay`. Expected a float of at least 0 or a regularizer"),
        ({"filters": 0}, "`filters`. Expected an integer of at least 1"),
        ({"shortcut": "C"}, "`shortcut`. Expected one of 'A', 'B'"),
        ({"block": "wide"}, "`block`. Expected one of 'basic', 'bottleneck'"),
        ({"name": "wrn28_10", "depth": 27}, "`depth`. Expected 6 * n + 4. Received: depth=27"),
        ({"name": "wrn28_10", "widen": 0}, "`widen`. Expected an integer of at least 1"),
        ({"name": "densenet40", "depth": 4}, "`depth`. Expected 3 * n + 4. Received: depth=4"),
        ({"name": "densenet40", "compression": 0}, "`compression`. Expected a float in (0, 1]"),
        ({"name": "densenet_bc100", "bottleneck": 1}, "`bottleneck`. Expected True or False"),
        ({"name": "resnext29_8x64d", "depth": 30}, "`depth`. Expected 9 * n + 2. Received: depth=30"),
    ],
)
def test_bad_arguments(arguments, message):
    arguments = {"name": "resnet8", "input_shape": (8, 8, 1), "classes": 3} | arguments
    with pytest.raises(ValueError, match=re.escape(f"Invalid value received for argument {message}")):
        build(**arguments)


def test_depths_that_are_no_template():
    with pytest.raises(ValueError, match=re.escape("Expected 6 * n + 2. Received: depth=21")):
        tfdrop.models.CifarResNet(21, (32, 32, 3), 10)
    with pytest.raises(ValueError, match=r"one of 18, 34, 50\. Received: depth=101"):
        tfdrop.models.ImageNetResNet(101, (224, 224, 3), 1000)
