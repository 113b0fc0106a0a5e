"""DenseNet for small images."""

from typing import Any

import keras
from keras import layers

from tfdrop.arguments import check_flag, check_share, check_whole
from tfdrop.models.network import Network
from tfdrop.models.residual import blocks_of_depth

DENSE_BLOCKS = 3


def DenseNet(  # noqa: N802
    input_shape: tuple[int, int, int],
    classes: int,
    depth: int = 40,
    growth_rate: int = 12,
    bottleneck: bool = False,
    compression: float | None = None,
    name: str | None = None,
    **arguments: Any,
) -> keras.Model:
    """Builds a DenseNet for images of 32x32 pixels: three dense blocks with transitions between them.

    DenseNet-40 (k = 12), the default, is the basic version of Data Dropout: 16 filters in the first layer, no
    bottleneck, no compression; 1.0M parameters (Table 2), 1,019,722 with 10 classes. `depth=100, bottleneck=True` is
    DenseNet-BC-100 (k = 12): 0.8M, 769,162 with 10 classes. FocusedDropout's "DenseNet-100" has the latter's accuracy.

    The groups of `tfdrop.models.Site` are the dense blocks, and the blocks in them their layers. A group's output is
    what the dense block passes to the transition, which changes the resolution.

    Args:
        input_shape: Height, width and channels of the images; of any height and width.
        classes: Number of classes.
        depth: Number of layers: 3n + 4, with bottlenecks 6n + 4.
        growth_rate: Number k of maps that each layer adds.
        bottleneck: Whether a 1x1 convolution to 4k maps comes before each 3x3 one; the first layer then has 2k filters.
        compression: Float in (0, 1], the share of the maps that a transition passes on. By default 0.5 with bottlenecks
            ("BC") and 1 without.
        name: Name of the model.
        **arguments: The arguments that all networks share, from `drop` on: see `tfdrop.models.build`.

    Output shape:
        `(batch, classes)`: logits.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        - [Huang et al., 2016](https://arxiv.org/abs/1608.06993), section 3 and Table 2.

    >>> DenseNet((16, 16, 3), classes=10, depth=10, growth_rate=4).name
    'densenet10'
    """
    count = blocks_of_depth(depth, 1 + check_flag("bottleneck", bottleneck), groups=DENSE_BLOCKS, others=4)
    check_whole("growth_rate", growth_rate)
    if compression is None:
        compression = 0.5 if bottleneck else 1.0
    check_share("compression", compression, positive=True)
    name = name or f"densenet{'_bc' if bottleneck else ''}{depth}"
    with Network(name, input_shape, classes, groups=DENSE_BLOCKS, **arguments) as network:
        first = 2 * growth_rate if bottleneck else 16
        x = network.convolution(network.images, "conv", first, 3, norm=False, activates=False)
        for group in range(1, DENSE_BLOCKS + 1):
            for index in range(1, count + 1):
                network.enter(group, index)
                x = _dense_layer(network, x, growth_rate, bottleneck)
            network.enter(group)
            x = network.group_output(x)
            if group < DENSE_BLOCKS:
                x = _transition(network, x, compression)
        return network.classify(network.norm_activation(x, "last"))


def _dense_layer(network: Network, x: Any, growth_rate: int, bottleneck: bool) -> Any:
    y = network.norm_activation(x, "pre1")
    if bottleneck:
        y = network.convolution(y, "conv1", 4 * growth_rate, 1, norm=False, activates=False)
        y = network.norm_activation(y, "pre2")
    y = network.convolution(y, "conv2" if bottleneck else "conv1", growth_rate, 3, norm=False, activates=False)
    return layers.Concatenate(name=network.layer_name("concat"))([x, y])


def _transition(network: Network, x: Any, compression: float) -> Any:
    filters = int(x.shape[-1] * compression)
    y = network.norm_activation(x, "transition_pre")
    y = network.convolution(y, "transition", filters, 1, norm=False, activates=False)
    # "same" only matters if a side is odd; it then keeps the last row.
    return layers.AveragePooling2D(2, padding="same", name=network.layer_name("transition_pool"))(y)
