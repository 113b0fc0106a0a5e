"""The networks by name."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras

from tfdrop.models.all_cnn import AllCNN
from tfdrop.models.densenet import DenseNet
from tfdrop.models.names import look_up
from tfdrop.models.placements import Drop
from tfdrop.models.resnet import CifarResNet, ImageNetResNet
from tfdrop.models.resnext import ResNeXt
from tfdrop.models.vgg import VGG19
from tfdrop.models.wide_resnet import WideResNet

NETWORKS: dict[str, Callable[..., keras.Model]] = {
    "resnet8": partial(CifarResNet, 8),
    "resnet20": partial(CifarResNet, 20),
    "resnet32": partial(CifarResNet, 32),
    "resnet56": partial(CifarResNet, 56),
    "resnet110": partial(CifarResNet, 110),
    "resnet152": partial(CifarResNet, 152),
    "resnet56_bottleneck": partial(CifarResNet, 56, block="bottleneck"),
    "resnet110_bottleneck": partial(CifarResNet, 110, block="bottleneck"),
    "wrn20_4": partial(CifarResNet, 20, filters=4 * 16),
    "wrn20_8": partial(CifarResNet, 20, filters=8 * 16),
    "wrn28_10": partial(WideResNet, depth=28, widen=10),
    "resnext29_8x64d": partial(ResNeXt, depth=29, cardinality=8, width=64),
    "densenet40": partial(DenseNet, depth=40, growth_rate=12),
    "densenet_bc100": partial(DenseNet, depth=100, growth_rate=12, bottleneck=True),
    "vgg19_bn": VGG19,
    "allcnn_c": AllCNN,
    "resnet18_imagenet": partial(ImageNetResNet, 18),
    "resnet34_imagenet": partial(ImageNetResNet, 34),
    "resnet50_imagenet": partial(ImageNetResNet, 50),
}


def build(
    name: str,
    input_shape: tuple[int, int, int],
    classes: int,
    drop: Drop | None = None,
    weight_decay: float | keras.regularizers.Regularizer = 0.0,
    input_layers: Sequence[keras.layers.Layer] = (),
    dtype: Any = None,
    seed: int | None = None,
    activation: str = "relu",
    **arguments: Any,
) -> keras.Model:
    """Builds a network by name, with drop layers where they are wanted.

    ```python
    participation = tfdrop.layers.Participation(0.1)
    model = tfdrop.models.build(
        "resnet56_bottleneck",
        input_shape=(32, 32, 3),
        classes=10,
        drop=tfdrop.models.placement(
            "penultimate_group", lambda factor: tfdrop.layers.FocusedDropout(participation_rate=participation)
        ),
        weight_decay=tfdrop.layers.MagnifiedWeightDecay(participation, 5e-4, magnified=1e-3),
        input_layers=[participation, keras.layers.RandomFlip("horizontal")],
    )
    ```

    Args:
        name: One of `tfdrop.models.NETWORKS`: `"resnet20"`, `"wrn28_10"`, `"densenet_bc100"`, ... `"resnet8"` is a
            small one for trying things out, even smaller with `filters=8`. `"wrn20_4"` and `"wrn20_8"` are
            SelectScale's (see `CifarResNet`). The networks for ImageNet's images end in `_imagenet`.
        input_shape: Height, width and channels of the images.
        classes: Number of classes.
        drop: Where drop layers go: a function from a `tfdrop.models.Site` to a new layer or None, such as
            `tfdrop.models.placement` returns. It is called for every site of the network, in order.
        weight_decay: Float d of the papers: the kernels of the convolutions and of the dense layer, and nothing else,
            get the term `d * w` in their gradient (Keras's `L2(d / 2)`). Or a regularizer for those kernels, such as
            `tfdrop.layers.MagnifiedWeightDecay`.
        input_layers: Layers that the images pass through first, in this order: a `tfdrop.layers.Participation`, which
            has to come first of all, normalization, augmentation.
        dtype: Dtype or policy of the network and of the drop layers that are made for it, `"mixed_bfloat16"` for
            example; by default Keras's global one. The logits are float32 with it. The `input_layers` keep theirs.
        seed: Optional integer seed of the initial weights. With it, every kernel depends on the seed and its layer's
            name alone, whatever augmentation and drop layers the network has: two networks of one seed start from the
            same weights. By default the initializers take their seeds from Keras's global random state.
        activation: `"relu"` as in the papers; or `"gelu"` or `"silu"` in the same places, without kinks, so that a
            replay foretells more of a training. The initial weights are the same.
        **arguments: The network's own arguments; and for all networks `kernel_initializer`, by default `"he_normal"`
            ("MSRA"), in All-CNN-C `"glorot_uniform"` ("Xavier"). `seed` replaces the initializer's own seed; an
            initializer without one, such as a plain function, is used as it is.

    Returns:
        A functional model, not compiled, that returns logits. Its penultimate layer, `pool`, averages the last feature
        maps over space; All-CNN-C ends with that average.

    Raises:
        ValueError: If there is no network of that name (the nearest names are offered), an argument is out of its
            range, or `drop` has no site in the network.

    >>> plain = build("resnet8", (16, 16, 3), classes=10, filters=4, seed=1)
    >>> dropping = build("resnet8", (16, 16, 3), 10, lambda site: keras.layers.Dropout(0.1), filters=4, seed=1)
    >>> first, again = (model.get_layer("logits").kernel for model in (plain, dropping))
    >>> plain.output_shape, bool(keras.ops.all(first == again))
    ((None, 10), True)
    """
    network = look_up("name", name, NETWORKS)
    return network(
        input_shape=input_shape,
        classes=classes,
        drop=drop,
        weight_decay=weight_decay,
        input_layers=input_layers,
        dtype=dtype,
        seed=seed,
        activation=activation,
        name=name,
        **arguments,
    )
