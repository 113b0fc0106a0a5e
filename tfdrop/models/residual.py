"""The blocks that residual networks are built from, and the groups that the blocks form."""

from collections.abc import Callable, Sequence
from typing import Any

from keras import layers

from tfdrop.arguments import check_choice, check_whole, invalid
from tfdrop.models.network import Network

# A bottleneck returns four times as many maps as it works with.
EXPANSION = 4

# Adds one block: (network, x, filters, strides) -> x.
Block = Callable[..., Any]


def residual_groups(network: Network, x: Any, block: Block, filters: int, counts: Sequence[int]) -> Any:
    """Adds groups of blocks: the number of maps doubles, and their sides halve, from each group to the next.

    Args:
        network: The `Network`.
        x: Input of the first group.
        block: Function `(network, x, filters, strides) -> x` that adds one block.
        filters: The `filters` of the first group's blocks.
        counts: Number of blocks in each group.
    """
    for group, count in enumerate(counts, start=1):
        for index in range(1, count + 1):
            network.enter(group, index)
            x = block(network, x, filters * 2 ** (group - 1), strides=2 if group > 1 and index == 1 else 1)
        x = network.group_output(x)
    return x


def basic_block(network: Network, x: Any, filters: int, strides: int, shortcut: str = "A") -> Any:
    """Adds He et al.'s block of two 3x3 convolutions, added to the shortcut before the last activation."""
    y = network.convolution(x, "conv1", filters, 3, strides)
    y = network.convolution(y, "conv2", filters, 3, activates=False)
    return _add(network, y, _shortcut(network, x, filters, strides, shortcut))


def bottleneck_block(
    network: Network,
    x: Any,
    filters: int,
    strides: int,
    shortcut: str = "B",
    width: int | None = None,
    cardinality: int = 1,
) -> Any:
    """Adds a block of a 1x1, a 3x3 and a 1x1 convolution, the last of which has `4 * filters` maps.

    The 3x3 convolution has the stride, as in the code that the papers' baselines come from (Lua Torch, PyTorch); in He
    et al.'s own code the first one has it.

    Args:
        network: The `Network`.
        x: The block's input.
        filters: A quarter of the number of maps that the block returns.
        strides: Stride of the block.
        shortcut: `"A"` or `"B"`.
        width: Maps of the 3x3 convolution; by default `filters`.
        cardinality: Number of channel groups of the 3x3 convolution.
    """
    width = width or filters
    y = network.convolution(x, "conv1", width, 1)
    y = network.convolution(y, "conv2", width, 3, strides, cardinality=cardinality)
    y = network.convolution(y, "conv3", EXPANSION * filters, 1, activates=False)
    return _add(network, y, _shortcut(network, x, EXPANSION * filters, strides, shortcut))


def check_shortcut(shortcut: str) -> str:
    return check_choice("shortcut", shortcut, ("A", "B"))


def blocks_of_depth(depth: int, layers_per_block: int, groups: int = 3, others: int = 2) -> int:
    """Returns the number of blocks of each group in a network of `depth` layers.

    Args:
        depth: Number of layers, after which networks are named.
        layers_per_block: Number of layers of a block.
        groups: Number of groups.
        others: Number of layers outside the blocks.

    Raises:
        ValueError: If there is no such network.

    >>> blocks_of_depth(20, layers_per_block=2)  # ResNet-20
    3
    """
    per_group = groups * layers_per_block
    count, rest = divmod(check_whole("depth", depth) - others, per_group)
    if count < 1 or rest:
        raise invalid("depth", f"{per_group} * n + {others}", depth)
    return count


def _shortcut(network: Network, x: Any, filters: int, strides: int, shortcut: str) -> Any:
    if strides == 1 and x.shape[-1] == filters:
        return x
    if shortcut == "A":
        return _parameter_free(network, x, filters, strides)
    return network.convolution(x, "shortcut", filters, 1, strides, activates=False)


def _parameter_free(network: Network, x: Any, filters: int, strides: int) -> Any:
    """He et al.'s option A: every `strides`-th pixel, and maps of zeros after the existing ones.

    Made of Keras's own layers, so that the models load wherever Keras is installed.
    """
    if strides > 1:
        x = layers.AveragePooling2D(1, strides, name=network.layer_name("shortcut_pool"))(x)
    # To a "channels_first" layer the last axis is a spatial one, so that our channels are padded.
    empty = ((0, 0), (0, filters - x.shape[-1]))
    return layers.ZeroPadding2D(empty, data_format="channels_first", name=network.layer_name("shortcut_pad"))(x)


def _add(network: Network, y: Any, shortcut: Any) -> Any:
    x = layers.Add(name=network.layer_name("add"))([y, shortcut])
    return network.activation(x)
