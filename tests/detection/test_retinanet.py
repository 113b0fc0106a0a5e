"""The detector: its encoder is the classifier, its loss and its boxes are the paper's, and it is saved whole."""

import keras
import numpy as np
import pytest

from tfdrop.classifier import make_classifier
from tfdrop.data.preprocessing import Standardization, Whitening
from tfdrop.detection.annotations import unannotated
from tfdrop.detection.average_precision import intersection_over_union
from tfdrop.detection.decoding import Candidates, Detector, suppressed
from tfdrop.detection.pyramid import image_encoder
from tfdrop.models import CifarResNet, build

SIDE, CLASSES = 16, 2
STANDARDIZE = Standardization(np.float32([100, 120, 140]), np.float32([40, 50, 60]))


def make(network, preprocess=STANDARDIZE, shape=(SIDE, SIDE, 3)):
    return make_classifier(network, preprocess, ["a", "b", "c"], shape)


@pytest.fixture(scope="module")
def classifier():
    """A classifier whose batch normalization has seen something."""
    network = CifarResNet(8, (SIDE, SIDE, 3), classes=3, filters=4, seed=1)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            rng = np.random.default_rng(len(layer.name))
            layer.set_weights([rng.uniform(0.5, 1.5, each.shape) for each in layer.get_weights()])
    return make(network)


@pytest.fixture(scope="module")
def keras_hub():
    return pytest.importorskip("keras_hub")


@pytest.fixture(scope="module")
def detector(keras_hub, classifier):
    from tfdrop.detection.retinanet import build_detector, compile_detector

    found = build_detector(classifier, CLASSES, SIDE, 1, head_convolutions=1, anchor_size=2.0, seed=3)
    compile_detector(found, "sgd")
    return found


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), dtype="uint8")


def test_the_encoder_is_the_classifier(classifier, images):
    encoder = image_encoder(classifier, SIDE)
    assert list(encoder.pyramid_outputs) == ["P2"]
    maps = keras.ops.convert_to_numpy(encoder(images.astype("float32"))["P2"])
    network = next(layer for layer in classifier.model.layers if isinstance(layer, keras.Model))
    kernel, bias = network.get_layer("logits").get_weights()
    logits = maps.mean(axis=(1, 2)) @ kernel + bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.probabilities(images), expected, rtol=1e-3, atol=1e-5)


def test_the_encoder_takes_larger_images_and_keeps_what_is_frozen(classifier):
    encoder = image_encoder(classifier, 40, frozen_groups=2)
    assert encoder.pyramid_outputs["P2"].shape == (None, 10, 10, 16)
    assert [each.path.split("/")[-2] for each in encoder.trainable_variables] == [
        f"group{group}_block1_conv{number}" for group in (2, 3) for number in (1, 2)
    ]
    assert {each.name for each in image_encoder(classifier, 40, 0).trainable_variables} == {"kernel"}
    assert len(image_encoder(classifier, 40, 0).trainable_variables) == 7


def test_the_levels_of_a_network_of_stride_32():
    network = build("resnet18_imagenet", (64, 64, 3), classes=3, kernel_initializer="zeros")
    encoder = image_encoder(make(network, shape=(64, 64, 3)), 96)
    shapes = {level: output.shape[1:] for level, output in encoder.pyramid_outputs.items()}
    assert shapes == {"P3": (12, 12, 128), "P4": (6, 6, 256), "P5": (3, 3, 512)}


def test_a_mean_image_gives_its_mean_colour(classifier, images):
    network = next(layer for layer in classifier.model.layers if isinstance(layer, keras.Model))
    mean = np.random.default_rng(1).uniform(0, 255, (SIDE, SIDE, 3)).astype("float32")
    of_image, of_colour = (
        image_encoder(make(network, Standardization(each, np.ones((), "float32"))), SIDE)
        for each in (mean, mean.mean(axis=(0, 1)))
    )
    x = images.astype("float32")
    np.testing.assert_allclose(of_image(x)["P2"], of_colour(x)["P2"], rtol=1e-3, atol=1e-3)


def test_classifiers_that_do_not_fit(classifier):
    grey = CifarResNet(8, (8, 8, 1), classes=3, filters=2)
    with pytest.raises(ValueError, match="Expected one of colour images"):
        image_encoder(make(grey, Standardization(np.float32([1]), np.float32([1])), (8, 8, 1)), 16)
    size = 4 * 4 * 3
    whiten = Whitening(np.zeros(size, "float32"), np.eye(size, dtype="float32"))
    small = CifarResNet(8, (4, 4, 3), classes=3, filters=2)
    with pytest.raises(ValueError, match="images that are not whitened"):
        image_encoder(make(small, whiten, (4, 4, 3)), 16)
    with pytest.raises(ValueError, match=r"Expected a multiple of the network's stride\. Received: side=18"):
        image_encoder(classifier, 18)


def outputs_of(detector, x):
    """What heads put out; keras-hub's own `predict_on_batch` decodes it, and fails without targets."""
    return {name: keras.ops.convert_to_numpy(each) for name, each in detector(x, training=False).items()}


def test_it_begins_as_in_the_paper(detector, images):
    outputs = outputs_of(detector, images.astype("float32"))
    assert np.median(1 / (1 + np.exp(-outputs["cls_logits"]))) == pytest.approx(0.01, rel=0.1)
    assert np.median(abs(outputs["bbox_regression"])) < 0.2  # boxes are near their anchors
    decayed = {each.path for each in detector.trainable_variables if each.regularizer is not None}
    assert decayed == {each.path for each in detector.trainable_variables if each.name == "kernel"}


def reference_loss(anchors, outputs, boxes, labels):
    """Lin et al.'s loss of a batch: focal loss and smooth L1 over the anchors, by the number of matched ones."""
    total, matched = 0.0, 0
    for logits, deltas, true, of in zip(
        outputs["cls_logits"].astype(float), outputs["bbox_regression"].astype(float), boxes, labels, strict=True
    ):
        true, of = true[of >= 0], of[of >= 0].astype(int)
        overlaps = np.array([intersection_over_union(anchor, true) for anchor in anchors])
        best, nearest = overlaps.max(axis=1), overlaps.argmax(axis=1)
        positive, counted = best >= 0.5, (best >= 0.5) | (best < 0.4)
        targets = np.zeros_like(logits)
        targets[positive, of[nearest[positive]]] = 1
        p = 1 / (1 + np.exp(-logits))
        right, alpha = np.where(targets == 1, p, 1 - p), np.where(targets == 1, 0.25, 0.75)
        total += (-alpha * (1 - right) ** 2 * np.log(right))[counted].sum()
        size = anchors[:, 2:] - anchors[:, :2]
        box = true[nearest]
        shift = ((box[:, :2] + box[:, 2:]) - (anchors[:, :2] + anchors[:, 2:])) / 2 / size
        wanted = np.concatenate([shift, np.log((box[:, 2:] - box[:, :2]) / size)], axis=1)
        error = abs(wanted - deltas)[positive]
        total += np.where(error < 1, error**2 / 2, error - 0.5).sum()
        matched += positive.sum()
    return total / matched


def anchors_of(detector):
    levels = detector.anchor_generator(keras.ops.zeros((1, SIDE, SIDE, 3)))
    return np.concatenate([keras.ops.convert_to_numpy(each) for each in levels.values()])


def test_the_loss_is_the_papers(detector, images):
    x = images.astype("float32")
    boxes = np.float32([[[1, 2, 9, 9], [6, 6, 15, 16]], [[0, 0, 12, 9], [-1] * 4], [[4, 4, 12, 12], [-1] * 4]])
    labels = np.float32([[0, 1], [1, -1], [0, -1]])
    outputs = outputs_of(detector, x)
    detector.reset_metrics()
    y = {"boxes": boxes, "labels": labels}
    loss = keras.Model.test_on_batch(detector, x, y, return_dict=True)["loss"]
    kernels = [each for each in detector.trainable_variables if each.name == "kernel"]
    decay = sum(5e-5 * float(np.square(keras.ops.convert_to_numpy(each)).sum()) for each in kernels)
    expected = reference_loss(anchors_of(detector), outputs, boxes, labels)
    assert float(loss) - decay == pytest.approx(expected, rel=1e-3)


def test_boxes_are_decoded_as_keras_hub_does(keras_hub, detector, images):
    """Where one class is far ahead, suppression class by class is suppression among all."""
    x = images.astype("float32")
    outputs = outputs_of(detector, x)
    rng = np.random.default_rng(0)
    outputs["bbox_regression"] = rng.normal(0, 0.3, outputs["bbox_regression"].shape).astype("float32")
    outputs["cls_logits"] = rng.normal(0, 1, outputs["cls_logits"].shape).astype("float32")
    outputs["cls_logits"][..., 1] = -20
    anchors = anchors_of(detector)
    boxes, scores = (np.asarray(each) for each in Candidates(anchors, len(anchors))(outputs))
    theirs = keras_hub.layers.NonMaxSuppression("xyxy", True, confidence_threshold=0.5, max_detections=50)
    decoded = keras.utils.bounding_boxes.decode_deltas_to_boxes(
        anchors, outputs["bbox_regression"], anchor_format="xyxy", box_format="xyxy", encoded_format="center_xywh"
    )
    found = theirs(decoded, keras.ops.convert_to_tensor(outputs["cls_logits"]))
    for place in range(len(x)):
        ours = suppressed(boxes[place], scores[place], 0.5, most=50)
        count = int(found["num_detections"][place])
        assert count == len(ours.scores) > 5
        np.testing.assert_allclose(ours.scores, found["confidence"][place][:count], rtol=1e-5)
        np.testing.assert_allclose(ours.boxes, found["boxes"][place][:count], rtol=1e-4, atol=1e-3)


def test_a_saved_detector_finds_the_same(keras_hub, detector, tmp_path, images):
    import PIL.Image

    from tfdrop.detection.detector_file import load_detector, save_detector

    PIL.Image.fromarray(images[0].repeat(2, axis=0)).save(tmp_path / "a.png")
    save_detector(tmp_path / "detector.keras", detector, ["a", "b"])
    loaded, classes = load_detector(tmp_path)
    assert classes == ("a", "b")
    here = Detector(detector, least_score=0.0)
    loaded._least_score = 0.0
    [expected], [found] = (each.detect([unannotated(tmp_path / "a.png")]) for each in (here, loaded))
    assert len(found.scores) > 50
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    assert expected.boxes[:, 3].max() <= 32  # in the image's own pixels
    with pytest.raises(ValueError, match="is no detector that tfdrop saved"):
        load_detector(tmp_path / "a.png")
