"""VGG for small images."""

from typing import Any

import keras
from keras import layers

from tfdrop.models.network import Network

# Convolutions in each group (Simonyan and Zisserman, 2014, Table 1, configuration E), and their maps.
GROUPS = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))


def VGG19(  # noqa: N802
    input_shape: tuple[int, int, int], classes: int, name: str = "vgg19_bn", **arguments: Any
) -> keras.Model:
    """Builds VGG-19 with batch normalization for images of 32x32 pixels.

    The sixteen 3x3 convolutions of configuration E, each followed by batch normalization and a ReLU, with max pooling
    between the groups. ImageNet's three dense layers are replaced by one, on the 512 maps of a single pixel that five
    poolings leave, as is usual on CIFAR: 20.04M parameters in the public PyTorch implementations. Here it is 20,035,018
    with 10 classes: without the convolutions' 5,504 biases, which batch normalization cancels.

    A group's output is what it passes to the pooling, which changes the resolution. The groups have no blocks.

    Args:
        input_shape: Height, width and channels of the images; of any height and width.
        classes: Number of classes.
        name: Name of the model.
        **arguments: The arguments that all networks share, from `drop` on: see `tfdrop.models.build`.

    Output shape:
        `(batch, classes)`: logits.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        - [Simonyan and Zisserman, 2014](https://arxiv.org/abs/1409.1556), Table 1.

    >>> VGG19((8, 8, 3), classes=10, kernel_initializer="zeros").get_layer("pool").input.shape
    (None, 1, 1, 512)
    """
    with Network(name, input_shape, classes, groups=len(GROUPS), **arguments) as network:
        x = network.images
        for group, (count, filters) in enumerate(GROUPS, start=1):
            network.enter(group)
            for index in range(1, count + 1):
                x = network.convolution(x, f"conv{index}", filters, 3)
            x = network.group_output(x)
            # "same" only matters if a side is odd or already 1, so that small images pass, too.
            x = layers.MaxPooling2D(2, padding="same", name=network.layer_name("pool"))(x)
        return network.classify(x)
