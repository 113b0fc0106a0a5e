"""DnCNN, the residual denoiser."""

from typing import Any

import keras
from keras import layers, ops

from tfdrop.arguments import check_whole
from tfdrop.models.initial_weights import check_seed, seeded


def DnCNN(  # noqa: N802 (a function that builds a model is named like one, as in keras.applications)
    depth: int = 17,
    filters: int = 64,
    channels: int = 1,
    batch_norm_momentum: float = 0.9,
    kernel_initializer: Any = "he_normal",
    dtype: Any = None,
    seed: int | None = None,
    name: str = "dncnn",
    batch_norm: bool = True,
    noise_map: bool = False,
) -> keras.Model:
    """Builds DnCNN: `depth` 3x3 convolutions that estimate the noise, which is subtracted from the input.

    The first convolution has a bias and a ReLU; each of the `depth - 2` inner ones has no bias and is followed
    by batch normalization (epsilon 1e-4) and a ReLU; the last one has neither bias nor activation. With the
    default arguments, the network has 556,096 trainable parameters.

    Args:
        depth: Number of convolutions, at least 2: 17 for a known noise level, 20 for blind denoising.
        filters: Feature maps of every convolution but the last.
        channels: Channels of the images, 1 for greyscale.
        batch_norm_momentum: Momentum of the moving statistics. The authors' Keras code uses 0.0, which keeps
            only those of the last batch and causes spots in smooth regions.
        kernel_initializer: Initializer of the kernels. He et al.'s ("MSRA") is the data dropout paper's.
        dtype: Dtype or policy of the convolutions, `"mixed_bfloat16"` for example; the subtraction is in float32.
        seed: Optional integer seed of the initial weights; see `tfdrop.models.build`.
        name: Name of the model.
        batch_norm: Without it every convolution has a bias: so are networks whose normalization was folded into their
            convolutions after training, as in the KAIR project's files.
        noise_map: Whether the network takes one channel more, at the end: the standard deviation of the noise at every
            pixel, on the scale of the pixels, sigma 25 being 25 / 255.

    Input shape:
        `(batch, height, width, channels)`, of any height and width, with pixels in [0, 1]; with a noise map
        `channels + 1`.

    Output shape:
        `(batch, height, width, channels)`: the denoised image, not the noise.

    Raises:
        ValueError: If `depth`, `filters`, `channels` or `seed` is out of its range.

    Reference:
        - [Zhang et al., 2017](https://arxiv.org/abs/1608.03981), section III.

    >>> DnCNN(depth=3, filters=4, seed=1)(keras.ops.zeros((1, 5, 9, 1))).shape == (1, 5, 9, 1)
    True
    """
    for argument, value, least in (("depth", depth, 2), ("filters", filters, 1), ("channels", channels, 1)):
        check_whole(argument, value, lowest=least)
    check_seed(seed)

    def convolution(maps: int, index: int, **arguments: Any) -> layers.Layer:
        name = f"conv{index}"
        initializer = seeded(kernel_initializer, seed, name)
        return layers.Conv2D(
            maps, 3, padding="same", kernel_initializer=initializer, dtype=dtype, name=name, **arguments
        )

    inputs = keras.Input((None, None, channels + 1 if noise_map else channels), name="noisy")
    x = convolution(filters, 1, activation="relu")(inputs)
    for index in range(2, depth):
        x = convolution(filters, index, use_bias=not batch_norm)(x)
        if batch_norm:
            x = layers.BatchNormalization(momentum=batch_norm_momentum, epsilon=1e-4, dtype=dtype, name=f"bn{index}")(x)
        x = layers.ReLU(dtype=dtype, name=f"relu{index}")(x)
    noise = convolution(channels, depth, use_bias=not batch_norm)(x)
    noisy = ops.split(inputs, [channels], axis=-1)[0] if noise_map else inputs
    return keras.Model(inputs, layers.Subtract(dtype="float32", name="denoised")([noisy, noise]), name=name)
