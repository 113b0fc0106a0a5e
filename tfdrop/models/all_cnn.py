"""All-CNN-C."""

from typing import Any

import keras
from keras import layers

from tfdrop.arguments import invalid
from tfdrop.models.network import Network

SMALLEST_SIDE = 9


def AllCNN(  # noqa: N802
    input_shape: tuple[int, int, int],
    classes: int,
    kernel_initializer: Any = "glorot_uniform",
    name: str = "allcnn_c",
    **arguments: Any,
) -> keras.Model:
    """Builds All-CNN-C: nine convolutions with ReLUs, two of them with a stride of 2 in place of pooling.

    The convolutions have biases and no batch normalization. The last one has one map per class and, as in Table 1,
    a ReLU; the logits are its average over space. 1.4M parameters (Table 3): 1,369,738 with 10 classes.
    The kernels are initialized as proposed by Glorot and Bengio ("Xavier"), as Data Dropout says (section IV-A).

    The third 3x3 convolution of 192 maps after the last stride is not padded (8x8 pixels become 6x6 in Table 1), so
    that images need at least 9 pixels per side.

    The original training has dropout of 20 % on the images and of 50 % after each convolution with a stride; Data
    Dropout does not say whether it keeps them. They are not part of the network:
    `AllCNN(..., input_layers=[Dropout(0.2)], drop=placement("first_two_groups", lambda factor: Dropout(0.5)))`.

    A group ends with the convolution with the stride, as in Data Dropout's section IV-A ("each block of this
    network contains two convolutional layers with a stride of 1 and one [...] with a stride of 2").

    Args:
        input_shape: Height, width and channels of the images.
        classes: Number of classes.
        kernel_initializer: Initializer of the kernels.
        name: Name of the model.
        **arguments: The arguments that all networks share, from `drop` on: see `tfdrop.models.build`.

    Output shape:
        `(batch, classes)`: logits.

    Raises:
        ValueError: If an argument is out of its range, or the images are too small.

    Reference:
        - [Springenberg et al., 2014](https://arxiv.org/abs/1412.6806), Tables 1, 2 and 3.

    >>> AllCNN((12, 12, 3), classes=10, kernel_initializer="zeros").count_params()
    1369738
    """
    arguments = {**arguments, "kernel_initializer": kernel_initializer}
    with Network(name, input_shape, classes, groups=3, **arguments) as network:
        if min(input_shape[:2]) < SMALLEST_SIDE:
            raise invalid("input_shape", f"sides of at least {SMALLEST_SIDE} pixels", input_shape)
        x = network.images
        for group, filters in ((1, 96), (2, 192)):
            network.enter(group)
            for index, strides in ((1, 1), (2, 1), (3, 2)):
                x = _convolution(network, x, index, filters, 3, strides=strides)
            x = network.group_output(x)
        network.enter(3)
        x = _convolution(network, x, 1, 192, 3, valid=True)
        x = _convolution(network, x, 2, 192, 1)
        x = network.group_output(_convolution(network, x, 3, network.classes, 1))
        return network.model(layers.GlobalAveragePooling2D(dtype=network.output_dtype, name="logits")(x))


def _convolution(network: Network, x: Any, index: int, filters: int, kernel_size: int, **arguments: Any) -> Any:
    return network.convolution(x, f"conv{index}", filters, kernel_size, norm=False, bias=True, **arguments)
