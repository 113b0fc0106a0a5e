"""keras-hub's RetinaNet on the network of a classifier that was trained here."""

import math
from typing import Any

import keras
import numpy as np

from tfdrop.arguments import check_number, check_whole, invalid
from tfdrop.classifier import Classifier
from tfdrop.detection.keras_hub_extra import check_keras_hub
from tfdrop.detection.pyramid import image_encoder

BOX_FORMAT = "xyxy"
COARSEST = 7  # of the pyramid on a network with a stride of 32
COARSEST_OF_SMALL = 4  # keras-hub's limit for networks of smaller strides
HEAD_DEVIATION = 0.01  # of the heads' initial weights: Lin et al., section 4.1
PRIOR = 0.01  # the probability that an anchor shows an object, at first: section 3.3
FOCAL = {"alpha": 0.25, "gamma": 2.0}


def build_detector(
    classifier: Classifier,
    classes: int,
    side: int,
    frozen_groups: int = 2,
    head_convolutions: int = 4,
    anchor_size: float = 4.0,
    weight_decay: float = 1e-4,
    seed: int = 0,
) -> Any:
    """Builds a RetinaNet whose encoder is a classifier's network.

    It begins as Lin et al. have it: keras-hub gives the prior probability to the boxes' head instead of the classes',
    and draws the heads' weights five times as large.

    Args:
        classifier: The trained `tfdrop.classifier.Classifier`, of colour images.
        classes: Number of classes.
        side: Side of the square images.
        frozen_groups: See `image_encoder`.
        head_convolutions: Convolutions of each head before its last one.
        anchor_size: Side of the smallest anchors as a multiple of their level's stride.
        weight_decay: The term `d * w` in the gradient of every kernel that is trained.
        seed: Seed of the initial weights of what is new.

    Returns:
        A `keras_hub.models.RetinaNetObjectDetector`, not compiled, of boxes as left, top, right, bottom in pixels.

    Raises:
        ValueError: If keras-hub is not installed, or the classifier or an argument does not fit.

    Reference:
        - [Lin et al., 2017](https://arxiv.org/abs/1708.02002)
    """
    check_keras_hub()
    check_whole("classes", classes)
    check_whole("head_convolutions", head_convolutions)
    if check_number("anchor_size", anchor_size) <= 0:
        raise invalid("anchor_size", "a float of more than 0", anchor_size)
    import keras_hub

    encoder = image_encoder(classifier, side, frozen_groups)
    levels = [int(name[1:]) for name in encoder.pyramid_outputs]
    coarsest = COARSEST if max(levels) >= 5 else COARSEST_OF_SMALL
    keras.utils.set_random_seed(seed)  # the pyramid and the heads take no seeds
    backbone = keras_hub.models.RetinaNetBackbone(
        encoder,
        min_level=min(levels),
        max_level=coarsest,
        use_p5=True,  # which is the encoder's last map, as in the paper, whatever its documentation says
        image_shape=(side, side, 3),
    )
    anchors = keras_hub.layers.AnchorGenerator(
        BOX_FORMAT,
        min_level=min(levels),
        max_level=coarsest,
        num_scales=3,
        aspect_ratios=[0.5, 1.0, 2.0],
        anchor_size=anchor_size,
    )
    detector = keras_hub.models.RetinaNetObjectDetector(
        backbone,
        classes,
        bounding_box_format=BOX_FORMAT,
        anchor_generator=anchors,
        pre_logits_num_conv_layers=head_convolutions,
    )
    _initialize_heads(detector, seed)
    _decay(detector, weight_decay)
    return detector


def compile_detector(detector: Any, optimizer: Any, jit_compile: bool = False) -> None:
    """Compiles a detector with the paper's losses: focal loss, and smooth L1, summed over classes and coordinates.

    keras-hub's own are means over them, and its focal loss does not balance objects and background.
    """
    detector.compile(
        optimizer,
        box_loss=keras.losses.Huber(reduction="sum"),
        classification_loss=keras.losses.BinaryFocalCrossentropy(
            apply_class_balancing=True, from_logits=True, reduction="sum", **FOCAL
        ),
        loss_weights={"bbox_regression": 4.0, "cls_logits": float(detector.num_classes)},
        jit_compile=jit_compile,
    )


def _initialize_heads(detector, seed):
    heads = (detector.box_head, detector.classification_head)
    for number, head in enumerate(heads):
        for place, layer in enumerate([*head.conv_layers, head.prediction_layer]):
            # Numbers of their own, and not the network's.
            own = int(1000 * number + place + 10_000 * (seed + 1)) % 2**31
            draw = keras.initializers.RandomNormal(stddev=HEAD_DEVIATION, seed=own)
            layer.kernel.assign(draw(layer.kernel.shape))
            layer.bias.assign(np.zeros(layer.bias.shape, "float32"))
    bias = detector.classification_head.prediction_layer.bias
    bias.assign(np.full(bias.shape, -math.log((1 - PRIOR) / PRIOR), "float32"))


def _decay(detector, weight_decay):
    """Gives every kernel the same decay: the classifier's have that of its training, keras-hub's have none."""
    decay = keras.regularizers.L2(weight_decay / 2) if weight_decay else None
    for variable in detector.trainable_variables:
        variable.regularizer = decay if variable.name == "kernel" else None
