"""Wide residual networks, with pre-activation."""

from typing import Any

import keras
from keras import layers

from tfdrop.arguments import check_whole
from tfdrop.models.network import Network
from tfdrop.models.residual import blocks_of_depth, residual_groups


def WideResNet(  # noqa: N802
    input_shape: tuple[int, int, int],
    classes: int,
    depth: int = 28,
    widen: int = 10,
    name: str | None = None,
    **arguments: Any,
) -> keras.Model:
    """Builds a WRN: pre-activation residual blocks of two 3x3 convolutions, with many maps.

    WRN-28-10, the default, has 36.5M parameters (Table 4); 36,479,194 with 10 classes. FocusedDropout's "Wide
    ResNet-28" has that network's accuracy. SelectScale's WRN-20-4 and -20-8 do not follow this template: see
    `CifarResNet`.

    Args:
        input_shape: Height, width and channels of the images; of any height and width.
        classes: Number of classes.
        depth: Number of layers: 6n + 4.
        widen: The widening factor k: the groups have 16k, 32k and 64k maps.
        name: Name of the model.
        **arguments: The arguments that all networks share, from `drop` on: see `tfdrop.models.build`.

    Output shape:
        `(batch, classes)`: logits.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        - [Zagoruyko and Komodakis, 2016](https://arxiv.org/abs/1605.07146), Tables 1 and 4.

    >>> WideResNet((8, 8, 3), classes=10, depth=10, widen=1).name
    'wrn10_1'
    """
    # The four layers outside the blocks are the first, the last and the projections of the second and third groups.
    count = blocks_of_depth(depth, layers_per_block=2, others=4)
    check_whole("widen", widen)
    with Network(name or f"wrn{depth}_{widen}", input_shape, classes, groups=3, **arguments) as network:
        x = network.convolution(network.images, "conv", 16, 3, norm=False, activates=False)
        x = residual_groups(network, x, _block, 16 * widen, [count] * 3)
        network.enter(3)
        return network.classify(network.norm_activation(x, "last"))


def _block(network: Network, x: Any, filters: int, strides: int) -> Any:
    y = network.norm_activation(x, "pre1")
    if strides > 1 or x.shape[-1] != filters:
        # The projection reads what the block's first convolution reads.
        x = network.convolution(y, "shortcut", filters, 1, strides, norm=False, activates=False)
    y = network.convolution(y, "conv1", filters, 3, strides, norm=False, activates=False)
    y = network.convolution(network.norm_activation(y, "pre2"), "conv2", filters, 3, norm=False, activates=False)
    return layers.Add(name=network.layer_name("add"))([x, y])
