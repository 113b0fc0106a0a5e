"""ResNet, for small images and for ImageNet's."""

from functools import partial
from typing import Any

import keras
from keras import layers

from tfdrop.arguments import check_choice, check_whole
from tfdrop.models.network import Network
from tfdrop.models.residual import (
    Block,
    basic_block,
    blocks_of_depth,
    bottleneck_block,
    check_shortcut,
    residual_groups,
)

# Blocks in each of the four groups, and their kind: He et al., 2015, Table 1.
IMAGENET_GROUPS = {
    18: ((2, 2, 2, 2), "basic"),
    34: ((3, 4, 6, 3), "basic"),
    50: ((3, 4, 6, 3), "bottleneck"),
}


def CifarResNet(  # noqa: N802 (a function that builds a model is named like one, as in keras.applications)
    depth: int,
    input_shape: tuple[int, int, int],
    classes: int,
    filters: int = 16,
    block: str = "basic",
    shortcut: str | None = None,
    name: str | None = None,
    **arguments: Any,
) -> keras.Model:
    """Builds He et al.'s ResNet for images of 32x32 pixels: a 3x3 convolution and three groups of residual blocks.

    With basic blocks `depth` is 6n + 2, and the network is the paper's. The shortcuts between the groups are option A,
    without parameters: "on this dataset we use identity shortcuts in all cases" (section 4.2). The counts that the
    paper gives in Table 6, 0.27M for ResNet-20, 0.46M (32), 0.85M (56) and 1.7M (110), are those of option A; with 10
    classes they are 269,722, 464,154, 853,018 and 1,727,962, not counting batch normalization's statistics.

    With bottleneck blocks `depth` is 9n + 2; the shortcuts are option B, a projection wherever the maps change, as in
    the public CIFAR code with bottlenecks. ResNet-56 has 591,322 parameters and ResNet-110 1,147,738; the paper does
    not contain such networks, but the template gives the 1.7M of ResNet-164 in [He et al., 2016](https://arxiv.org/abs/1603.05027),
    Table 4. FocusedDropout's ResNet-56 and -110 are taken to be these, as its Fig. 2 has 256 channels in the last
    layer.

    SelectScale's WRN-20-k is this network with k times as many filters in each layer (its section 3.1), including the
    first one: `CifarResNet(20, ..., filters=16 * k)`, not a `WideResNet`.

    Args:
        depth: Number of layers, after which the network is named: 6n + 2, or 9n + 2 with bottlenecks.
        input_shape: Height, width and channels of the images; of any height and width.
        classes: Number of classes.
        filters: Number of maps of the first convolution and group; the other groups have two and four times as many.
        block: `"basic"` or `"bottleneck"`.
        shortcut: `"A"` or `"B"`; by default `"A"` for basic and `"B"` for bottleneck blocks.
        name: Name of the model.
        **arguments: The arguments that all networks share, from `drop` on: see `tfdrop.models.build`.

    Output shape:
        `(batch, classes)`: logits.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        - [He et al., 2015](https://arxiv.org/abs/1512.03385), section 4.2 and Table 6.

    >>> CifarResNet(8, (8, 8, 3), classes=10, filters=2).output_shape
    (None, 10)
    """
    lay = _block(block, shortcut)
    counts = [blocks_of_depth(depth, layers_per_block=2 if block == "basic" else 3)] * 3
    check_whole("filters", filters)
    with Network(name or f"resnet{depth}", input_shape, classes, groups=3, **arguments) as network:
        x = network.convolution(network.images, "conv", filters, 3)
        return network.classify(residual_groups(network, x, lay, filters, counts))


def ImageNetResNet(  # noqa: N802
    depth: int,
    input_shape: tuple[int, int, int],
    classes: int,
    shortcut: str | None = None,
    name: str | None = None,
    **arguments: Any,
) -> keras.Model:
    """Builds He et al.'s ResNet for ImageNet: a 7x7 convolution, max pooling and four groups of residual blocks.

    `keras.applications` only has ResNet-50, with biases in the convolutions, a fixed initializer and no position for
    drop layers.

    ResNet-18 and -34 use option A between the groups, the shortcut without parameters: the errors that Data Dropout's
    Table III compares with, 27.88 % and 25.03 %, are those of option A in He et al.'s Tables 2 and 3. That makes
    11,515,688 and 21,623,848 parameters for 1000 classes. With `shortcut="B"` the networks are PyTorch's, with
    11,689,512 and 21,797,672 parameters. ResNet-50 has option B, as in He et al., and 25,557,032 parameters; its stride
    of 2 is at the 3x3 convolution, as in PyTorch, whose accuracy SelectScale's baseline (23.89 % wrong) and
    FocusedDropout's (76.32 % right) have.

    Args:
        depth: 18, 34 or 50.
        input_shape: Height, width and channels of the images; of any height and width.
        classes: Number of classes.
        shortcut: `"A"` or `"B"`; by default `"A"` for ResNet-18 and -34, `"B"` for ResNet-50.
        name: Name of the model.
        **arguments: The arguments that all networks share, from `drop` on: see `tfdrop.models.build`.

    Output shape:
        `(batch, classes)`: logits.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        - [He et al., 2015](https://arxiv.org/abs/1512.03385), Table 1; parameter counts: torchvision's model tables,
          and for option A those without the projections.

    >>> ImageNetResNet(18, (32, 32, 3), classes=10, kernel_initializer="zeros").name
    'resnet18_imagenet'
    """
    counts, block = IMAGENET_GROUPS[check_choice("depth", depth, tuple(IMAGENET_GROUPS))]
    lay = _block(block, shortcut)
    with Network(name or f"resnet{depth}_imagenet", input_shape, classes, groups=4, **arguments) as network:
        x = network.convolution(network.images, "conv", 64, 7, strides=2)
        # The values here are not negative, so that zeros around them do not change the maxima.
        x = layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
        x = layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)
        return network.classify(residual_groups(network, x, lay, 64, counts))


def _block(block: str, shortcut: str | None) -> Block:
    """Returns the function that adds one block."""
    basic = check_choice("block", block, ("basic", "bottleneck")) == "basic"
    shortcut = ("A" if basic else "B") if shortcut is None else check_shortcut(shortcut)
    return partial(basic_block if basic else bottleneck_block, shortcut=shortcut)
