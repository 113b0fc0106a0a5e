"""ResNeXt for small images."""

from typing import Any

import keras

from tfdrop.arguments import check_whole
from tfdrop.models.network import Network
from tfdrop.models.residual import blocks_of_depth, bottleneck_block, residual_groups


def ResNeXt(  # noqa: N802
    input_shape: tuple[int, int, int],
    classes: int,
    depth: int = 29,
    cardinality: int = 8,
    width: int = 64,
    name: str | None = None,
    **arguments: Any,
) -> keras.Model:
    """Builds ResNeXt for images of 32x32 pixels: bottleneck blocks whose 3x3 convolution is split into groups.

    ResNeXt-29 (8x64d), the default, has 34.4M parameters (Table 7); 34,426,698 with 10 classes. The blocks have
    form (c) of the paper's Fig. 3; the shortcuts are projections wherever the maps change (option B).

    Args:
        input_shape: Height, width and channels of the images; of any height and width.
        classes: Number of classes.
        depth: Number of layers: 9n + 2.
        cardinality: Number of groups C of the 3x3 convolutions.
        width: Number d of maps of each of those channel groups, in the first group of blocks.
        name: Name of the model.
        **arguments: The arguments that all networks share, from `drop` on: see `tfdrop.models.build`.

    Output shape:
        `(batch, classes)`: logits.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        - [Xie et al., 2016](https://arxiv.org/abs/1611.05431), section 5.3 and Table 7.

    >>> ResNeXt((8, 8, 3), classes=10, depth=11, cardinality=2, width=4).name
    'resnext11_2x4d'
    """
    count = blocks_of_depth(depth, layers_per_block=3)
    check_whole("cardinality", cardinality)
    check_whole("width", width)
    filters = 64

    def block(network: Network, x: Any, block_filters: int, strides: int) -> Any:
        block_width = cardinality * width * (block_filters // filters)
        return bottleneck_block(network, x, block_filters, strides, width=block_width, cardinality=cardinality)

    name = name or f"resnext{depth}_{cardinality}x{width}d"
    with Network(name, input_shape, classes, groups=3, **arguments) as network:
        x = network.convolution(network.images, "conv", filters, 3)
        return network.classify(residual_groups(network, x, block, filters, [count] * 3))
