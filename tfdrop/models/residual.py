"""The blocks that residual networks are built of, and the groups that the blocks make up."""

from keras import layers

from tfdrop.arguments import check_choice, check_whole, invalid

# A bottleneck hands on four times the maps it works with.
EXPANSION = 4


def residual_groups(network, x, block, filters, counts):
    """Lays groups of blocks: the maps double, and their sides halve, from each group to the next.

    Args:
        network: The `Network`.
        x: What the first group is given.
        block: Function `(network, x, filters, strides) -> x` that lays one block.
        filters: The `filters` of the first group's blocks.
        counts: Number of blocks in each group.
    """
    for group, count in enumerate(counts, start=1):
        for index in range(1, count + 1):
            network.enter(group, index)
            x = block(network, x, filters * 2 ** (group - 1), strides=2 if group > 1 and index == 1 else 1)
        x = network.group_output(x)
    return x


def basic_block(network, x, filters, strides, shortcut="A"):
    """Lays He et al.'s block of two 3x3 convolutions, added to the shortcut before the last ReLU."""
    y = network.convolution(x, "conv1", filters, 3, strides)
    y = network.convolution(y, "conv2", filters, 3, relu=False)
    return _add(network, y, _shortcut(network, x, filters, strides, shortcut))


def bottleneck_block(network, x, filters, strides, shortcut="B", width=None, cardinality=1):
    """Lays a block of a 1x1, a 3x3 and a 1x1 convolution, the last of which hands on `4 * filters` maps.

    The stride is the 3x3 convolution's, as in the code that the papers' baselines come from (Lua Torch, PyTorch); in
    He et al.'s own it was the first one's.

    Args:
        network: The `Network`.
        x: The block's input.
        filters: A quarter of the maps that the block hands on.
        strides: Stride of the block.
        shortcut: `"A"` or `"B"`.
        width: Maps of the 3x3 convolution; by default `filters`.
        cardinality: Into how many groups of channels the 3x3 convolution is split.
    """
    width = width or filters
    y = network.convolution(x, "conv1", width, 1)
    y = network.convolution(y, "conv2", width, 3, strides, cardinality=cardinality)
    y = network.convolution(y, "conv3", EXPANSION * filters, 1, relu=False)
    return _add(network, y, _shortcut(network, x, EXPANSION * filters, strides, shortcut))


def check_shortcut(shortcut):
    return check_choice("shortcut", shortcut, ("A", "B"))


def blocks_of_depth(depth, layers_per_block, groups=3, others=2):
    """How many blocks each of the groups has in a network of `depth` layers.

    Args:
        depth: Number of layers, as networks are named after it.
        layers_per_block: How many of them a block has.
        groups: Number of groups.
        others: How many layers stand outside the blocks.

    Raises:
        ValueError: If there is no such network.
    """
    per_group = groups * layers_per_block
    count, rest = divmod(check_whole("depth", depth) - others, per_group)
    if count < 1 or rest:
        raise invalid("depth", f"{per_group} * n + {others}", depth)
    return count


def _shortcut(network, x, filters, strides, shortcut):
    if strides == 1 and x.shape[-1] == filters:
        return x
    if shortcut == "A":
        return _parameter_free(network, x, filters, strides)
    return network.convolution(x, "shortcut", filters, 1, strides, relu=False)


def _parameter_free(network, x, filters, strides):
    """He et al.'s option A: every `strides`-th pixel, and maps of zeros behind those that there are.

    Of Keras's own layers, so that the models load wherever Keras is.
    """
    if strides > 1:
        x = layers.AveragePooling2D(1, strides, name=network.layer_name("shortcut_pool"))(x)
    # Taken as "channels_first", the last axis is a spatial one: ours of the channels is padded.
    empty = ((0, 0), (0, filters - x.shape[-1]))
    return layers.ZeroPadding2D(empty, data_format="channels_first", name=network.layer_name("shortcut_pad"))(x)


def _add(network, y, shortcut):
    x = layers.Add(name=network.layer_name("add"))([y, shortcut])
    return layers.ReLU(name=network.layer_name("relu"))(x)
