"""Average precision against its definition, against pycocotools, and by hand."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from tfdrop.detection.annotations import Objects
from tfdrop.detection.average_precision import Detections, average_precision, intersection_over_union

SQUARE = [0, 0, 10, 10]


def objects(boxes, labels=None, difficult=None):
    count = len(boxes)
    labels = np.zeros(count, int) if labels is None else np.array(labels, int)
    difficult = np.zeros(count, bool) if difficult is None else np.array(difficult, bool)
    return Objects(np.array(boxes, float).reshape(-1, 4), labels, difficult)


def detections(boxes, scores, labels=None):
    labels = np.zeros(len(boxes), int) if labels is None else np.array(labels, int)
    return Detections(np.array(boxes, float).reshape(-1, 4), labels, np.array(scores, float))


def of_one_class(found, truth, **arguments):
    values = average_precision(found, truth, 1, **arguments)
    return values.eleven_points[0], values.area[0]


def overlap_by_pixels(first, second):
    """Intersection over union of boxes of whole pixels, by counting them."""
    first, second = ({(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])} for box in (first, second))
    return Fraction(len(first & second), len(first | second))


def by_definition(found, truth, label, overlap=Fraction(1, 2)):
    """Average precisions of a class in fractions, straight from VOC's rules; there are no difficult objects."""
    ranked = sorted(
        ((score, image, tuple(map(int, box))) for image, each in enumerate(found)
         for box, of, score in zip(each.boxes, each.labels, each.scores, strict=True) if of == label),
        key=lambda entry: -entry[0],
    )  # fmt: skip
    there = {
        (image, place): tuple(map(int, box))
        for image, each in enumerate(truth)
        for place, (box, of) in enumerate(zip(each.boxes, each.labels, strict=True))
        if of == label
    }
    points, hits, seen = [], 0, set()
    for count, (_, image, box) in enumerate(ranked, start=1):
        overlaps = {key: overlap_by_pixels(box, other) for key, other in there.items() if key[0] == image}
        best = max(overlaps, key=overlaps.get, default=None)
        if best is not None and overlaps[best] >= overlap and best not in seen:
            seen.add(best)
            hits += 1
        points.append((Fraction(hits, len(there)), Fraction(hits, count)))

    def best_from(recall):
        return max((precision for reached, precision in points if reached >= recall), default=Fraction(0))

    steps = sorted({Fraction(0), *(recall for recall, _ in points)})
    area = sum((after - before) * best_from(after) for before, after in itertools.pairwise(steps))
    return float(sum(best_from(Fraction(tenth, 10)) for tenth in range(11)) / 11), float(area)


def scenes(seed, images=8, classes=3, side=40):
    """Objects of whole pixels, and detections that are those moved a little, doubled, forgotten or made up."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(images):
        corners = rng.integers(0, side - 12, (int(rng.integers(0, 5)), 2))
        boxes = np.concatenate([corners, corners + rng.integers(4, 12, corners.shape)], axis=1)
        labels = rng.integers(0, classes, len(boxes))
        guesses = np.repeat(boxes, 2, axis=0) + rng.integers(-1, 2, (2 * len(boxes), 4))
        of = np.where(rng.random(len(guesses)) < 0.8, np.repeat(labels, 2), rng.integers(0, classes, len(guesses)))
        kept = rng.random(len(guesses)) < 0.7
        scores = rng.permutation(1000)[: len(guesses)] / 1000 + rng.random() * 1e-4
        truth.append(Objects(boxes, labels, np.zeros(len(boxes), bool)))
        found.append(Detections(guesses[kept], of[kept], scores[kept]))
    return found, truth


@pytest.mark.parametrize("seed", range(20))
def test_against_the_definition(seed):
    found, truth = scenes(seed)
    values = average_precision(found, truth, 3)
    for label in range(3):
        if not any((each.labels == label).any() for each in truth):
            assert np.isnan(values.area[label])
            continue
        expected = by_definition(found, truth, label)
        assert (values.eleven_points[label], values.area[label]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_eleven_points_against_pycocotools(seed):
    """COCO's evaluation at VOC's overlap and recalls; it shares out objects otherwise only where they overlap."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(12):
        places = rng.permutation(16)[: int(rng.integers(1, 8))]  # cells of a grid, which keeps objects apart
        corners = np.stack([places % 4, places // 4], axis=1) * 30.0 + 5
        boxes = np.concatenate([corners, corners + rng.uniform(10, 18, corners.shape)], axis=1)
        difficult = rng.random(len(boxes)) < 0.2
        truth.append(Objects(boxes, rng.integers(0, 2, len(boxes)), difficult))
        often = np.where(difficult, 1, 2)  # COCO excuses one detection of what is ignored, VOC all
        guesses = np.repeat(boxes, often, axis=0) + rng.uniform(-4, 4, (often.sum(), 4))
        labels = np.where(rng.random(len(guesses)) < 0.8, np.repeat(truth[-1].labels, often), 0)
        found.append(Detections(guesses, labels, rng.random(len(guesses))))

    def listed(each, image, label, place):
        left, top, right, bottom = map(float, each.boxes[place])
        box = [left, top, right - left, bottom - top]
        return {"image_id": image, "category_id": label, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}

    entries = [
        listed(each, image, int(each.labels[place]), place) | ({"area": 0} if each.difficult[place] else {})
        for image, each in enumerate(truth)
        for place in range(len(each.boxes))
    ]
    theirs = coco.COCO()
    theirs.dataset = {
        "images": [{"id": image} for image in range(len(truth))],
        "categories": [{"id": 0}, {"id": 1}],
        "annotations": [entry | {"id": number} for number, entry in enumerate(entries, start=1)],
    }
    theirs.createIndex()
    guessed = theirs.loadRes(
        [
            listed(each, image, int(each.labels[place]), place) | {"score": float(each.scores[place])}
            for image, each in enumerate(found)
            for place in range(len(each.boxes))
        ]
    )
    evaluation = cocoeval.COCOeval(theirs, guessed, "bbox")
    evaluation.params.iouThrs = np.array([0.5])
    evaluation.params.recThrs = np.linspace(0, 1, 11) - 1e-9  # what 3 of 10 reach
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[1, 1e9]], ["all"]  # objects of others are ignored
    evaluation.params.maxDets = [100]
    evaluation.evaluate()
    evaluation.accumulate()
    expected = evaluation.eval["precision"][0, :, :, 0, 0].mean(axis=0)
    np.testing.assert_allclose(average_precision(found, truth, 2).eleven_points, expected, atol=1e-9)


def test_by_hand():
    """Right, wrong, right, of three objects: precisions 1, 1/2, 2/3 at recalls 1/3, 1/3, 2/3."""
    truth = [objects([SQUARE, [20, 20, 30, 30]]), objects([SQUARE])]
    found = [detections([SQUARE, [50, 50, 60, 60]], [0.9, 0.8]), detections([SQUARE], [0.7])]
    eleven, area = of_one_class(found, truth)
    assert eleven == pytest.approx((4 * 1 + 3 * 2 / 3) / 11)  # recalls 0 to 0.3, and 0.4 to 0.6
    assert area == pytest.approx(1 / 3 + 2 / 9)


def test_a_second_detection_of_an_object_is_wrong():
    truth = [objects([SQUARE, [20, 20, 30, 30]])]
    found = [detections([SQUARE, [0, 0, 10, 9], [20, 20, 30, 30]], [0.9, 0.8, 0.7])]
    assert of_one_class(found, truth)[1] == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)


def test_difficult_objects_are_neither_asked_for_nor_counted():
    far = [20, 20, 30, 30]
    truth = [objects([SQUARE, far], difficult=[False, True])]
    assert of_one_class([detections([SQUARE], [0.9])], truth) == (1, 1)
    assert of_one_class([detections([far, far, SQUARE], [0.9, 0.8, 0.7])], truth) == (1, 1)
    alone = average_precision([detections([far], [0.9])], [objects([far], difficult=[True])], 1)
    assert np.isnan(alone.area[0])
    assert np.isnan(alone.mean()["area"])


def test_the_least_overlap_is_enough():
    assert of_one_class([detections([[0, 0, 10, 5]], [0.9])], [objects([SQUARE])]) == (1, 1)
    assert of_one_class([detections([[0, 0, 10, 4.9]], [0.9])], [objects([SQUARE])]) == (0, 0)
    assert of_one_class([detections([[0, 0, 10, 5]], [0.9])], [objects([SQUARE])], overlap=0.6) == (0, 0)


def test_images_and_classes_are_apart():
    elsewhere = [detections([], []), detections([SQUARE], [0.9])]
    assert of_one_class(elsewhere, [objects([SQUARE]), objects([])]) == (0, 0)
    values = average_precision([detections([SQUARE], [0.9], [1])], [objects([SQUARE], [0])], 2)
    assert values.eleven_points[0] == 0
    assert values.mean() == {"eleven_points": 0.0, "area": 0.0}  # nothing is asked of the other class


def test_nothing_found():
    assert of_one_class([detections([], [])], [objects([SQUARE])]) == (0, 0)


def test_arguments_that_do_not_fit():
    with pytest.raises(ValueError, match="Expected 2 detections, one for each image"):
        average_precision([detections([], [])], [objects([])] * 2, 1)
    with pytest.raises(ValueError, match=r"boxes of shape \(n, 4\)"):
        average_precision([Detections(np.zeros(4), np.zeros(1, int), np.zeros(1))], [objects([])], 1)
    with pytest.raises(ValueError, match="overlap"):
        average_precision([], [], 1, overlap=0)


def test_overlap_against_counted_pixels():
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 8, (30, 2))
    boxes = np.concatenate([corners, corners + rng.integers(1, 8, (30, 2))], axis=1)
    expected = [float(overlap_by_pixels(boxes[0], box)) for box in boxes]
    np.testing.assert_allclose(intersection_over_union(boxes[0], boxes), expected)
