"""From a detector's outputs to boxes: the likeliest anchors, decoded, without those that say the same again."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfdrop.detection.annotations import Annotated
from tfdrop.detection.average_precision import Detections, intersection_over_union
from tfdrop.detection.images import fit, read

LEAST_SCORE = 0.05  # Lin et al., section 4.1; also the threshold and the number below
OVERLAP = 0.5
MOST_CANDIDATES = 1000
MOST_DETECTIONS = 100


class Candidates(keras.layers.Layer):
    """Takes a detector's outputs for the boxes and the scores of the likeliest anchors.

    Args:
        anchors: Array of shape `(anchors, 4)`: left, top, right, bottom.
        most: How many are taken of each image.

    Output shape:
        Boxes of shape `(batch, most, 4)`, and the probabilities of the classes, `(batch, most, classes)`.
    """

    def __init__(self, anchors: np.ndarray, most: int = MOST_CANDIDATES):
        super().__init__(name="candidates")
        self._anchors = np.asarray(anchors, "float32")
        self._most = min(most, len(self._anchors))

    def call(self, outputs):
        logits = ops.cast(outputs["cls_logits"], "float32")
        _, places = ops.top_k(ops.max(logits, axis=-1), self._most)
        logits, deltas = (
            ops.take_along_axis(each, places[..., None], axis=1)
            for each in (logits, ops.cast(outputs["bbox_regression"], "float32"))
        )
        anchors = ops.take(ops.convert_to_tensor(self._anchors), places, axis=0)
        size = anchors[..., 2:] - anchors[..., :2]
        # As they are encoded: shifts of the centre by the anchor's size, logarithms of the sides.
        centre = (anchors[..., 2:] + anchors[..., :2]) / 2 + deltas[..., :2] * size
        half = ops.exp(ops.clip(deltas[..., 2:], -10.0, 10.0)) * size / 2
        return ops.concatenate([centre - half, centre + half], axis=-1), ops.sigmoid(logits)


class Detector:
    """Finds objects on images, by a RetinaNet.

    keras-hub's own suppression lets a box suppress those of other classes, too: a person those of a horse. Here each
    class is for itself, as in the paper.

    Args:
        model: The `keras_hub.models.RetinaNetObjectDetector`, as `build_detector` made it.
        batch_size: Images that are looked at together.
        least_score: Least score of what counts as found.
    """

    def __init__(self, model: Any, batch_size: int = 8, least_score: float = LEAST_SCORE):
        self.side = model.input_shape[1]
        self._batch_size = batch_size
        self._least_score = least_score
        levels = model.anchor_generator(ops.zeros((1, self.side, self.side, 3)))
        anchors = np.concatenate([ops.convert_to_numpy(each) for each in levels.values()])
        self._model = keras.Model(model.input, Candidates(anchors)(model.output))

    def detect(self, images: Sequence[Annotated]) -> list[Detections]:
        """Returns what is found on each image, in its own pixels, the surest first.

        Args:
            images: The `Annotated` images, whose annotations play no part.

        Raises:
            ValueError: If an image cannot be read.
        """
        found: list[Detections] = []
        for start in range(0, len(images), self._batch_size):
            part = images[start : start + self._batch_size]
            pixels = [read(image) for image in part]
            fitted = [fit(each, self.side) for each in pixels]
            x = np.zeros((self._batch_size, self.side, self.side, 3), "float32")  # one size, so traced once
            x[: len(part)] = [each.pixels for each in fitted]
            boxes, scores = self._model.predict_on_batch(x)
            for place, (image, square) in enumerate(zip(pixels, fitted, strict=True)):
                height, width = image.shape[:2]
                limits = np.array([width, height, width, height], "float32")
                inside = np.clip(boxes[place] / square.scale, 0, limits)
                found.append(suppressed(inside, scores[place], self._least_score))
        return found


def suppressed(
    boxes: np.ndarray,
    scores: np.ndarray,
    least_score: float = LEAST_SCORE,
    overlap: float = OVERLAP,
    most: int = MOST_DETECTIONS,
) -> Detections:
    """Returns the boxes that remain where, class by class, those that a surer one overlaps are left out.

    Args:
        boxes: Array of shape `(n, 4)`: left, top, right, bottom.
        scores: Array of shape `(n, classes)`.
        least_score: Lower ones are left out.
        overlap: Intersection over union from which on boxes are taken for the same object.
        most: How many remain at most.

    >>> boxes = np.array([[0, 0, 10, 10], [1, 0, 10, 10], [20, 0, 30, 10]])
    >>> found = suppressed(boxes, np.array([[0.9, 0], [0.8, 0.6], [0.7, 0]]))
    >>> found.labels.tolist(), found.scores.tolist()
    ([0, 0, 1], [0.9, 0.7, 0.6])
    """
    kept: list[tuple[int, int]] = []
    for label in range(scores.shape[1]):
        order = np.argsort(-scores[:, label], kind="stable")
        order = order[scores[order, label] > least_score]
        while len(order):
            kept.append((order[0], label))
            order = order[1:][intersection_over_union(boxes[order[0]], boxes[order[1:]]) < overlap]
    places = np.array(kept, int).reshape(-1, 2)
    chosen = scores[places[:, 0], places[:, 1]]
    best = np.argsort(-chosen, kind="stable")[:most]
    return Detections(boxes[places[best, 0]], places[best, 1].astype("int32"), chosen[best])
