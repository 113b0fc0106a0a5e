"""Class activation maps against what they are by definition, and on objects whose place is known."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy import ndimage

from tfdrop import cam


def classifier(*after, activation=None):
    """A small classifier; `after` stand between its feature maps and its dense layer."""
    return keras.Sequential(
        [
            keras.Input((12, 10, 3)),
            layers.Conv2D(6, 3, strides=2, activation="relu"),
            layers.Conv2D(6, 3, padding="same", activation="relu"),
            *after,
            layers.Dense(4, activation=activation, bias_initializer="random_normal"),
        ]
    )


def pictures(count, size=(12, 10), seed=0):
    return np.random.default_rng(seed).normal(size=(count, *size, 3)).astype("float32")


def pooling(keepdims=False):
    return layers.GlobalAveragePooling2D(keepdims=keepdims)


def feature_maps(model, x):
    """The maps that the model's second convolution makes, channels last."""
    return np.asarray(keras.Model(model.inputs, model.layers[1].output).predict(x, verbose=0))


@pytest.mark.parametrize("after", [(), (layers.Dropout(0.5),), "keepdims"])
def test_a_map_is_the_weighted_sum_of_feature_maps_and_its_mean_the_score(after):
    between = (pooling(keepdims=True), layers.Flatten()) if after == "keepdims" else (pooling(), *after)
    model, x = classifier(*between), pictures(7)
    classes = np.array([0, 1, 2, 3, 3, 0, 1])
    found = cam.activation_maps(model, x, classes, batch_size=3)
    kernel, bias = model.layers[-1].get_weights()
    features = feature_maps(model, x)
    coarse = np.stack([maps @ kernel[:, label] for maps, label in zip(features, classes, strict=True)])
    assert (found.method, found.maps.shape, found.maps.dtype) == ("cam", (7, 12, 10), np.float32)
    np.testing.assert_allclose(coarse.mean((1, 2)) + bias[classes], model.predict(x)[np.arange(7), classes], rtol=1e-4)
    zoom = (12 / coarse.shape[1], 10 / coarse.shape[2])
    expected = [ndimage.zoom(each, zoom, order=1, mode="nearest", grid_mode=True) for each in coarse]
    np.testing.assert_allclose(found.maps, expected, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found.scores, model.predict(x), rtol=1e-4, atol=1e-5)


def test_without_classes_it_is_the_highest_score_whatever_the_last_activation():
    x = pictures(9)
    plain = classifier(pooling())
    answers = plain.predict(x)
    softmax = classifier(pooling(), activation="softmax")
    softmax.set_weights(plain.get_weights())
    layered = keras.Sequential([keras.Input((12, 10, 3)), *plain.layers, layers.Softmax()])
    expected = cam.activation_maps(plain, x)
    assert (expected.classes == answers.argmax(1)).all()
    for model in (softmax, layered):
        found = cam.activation_maps(model, x)
        assert (found.classes == answers.argmax(1)).all()
        np.testing.assert_allclose(found.maps, expected.maps, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.scores, answers, rtol=1e-4, atol=1e-5)


def test_grad_cam_of_a_pooled_model_is_the_positive_part_of_its_map():
    model, x = classifier(pooling(), activation="softmax"), pictures(5)
    found = cam.activation_maps(model, x, 2, method="grad_cam")
    kernel, _ = model.layers[-1].get_weights()
    features = feature_maps(model, x)
    coarse = np.maximum(features @ kernel[:, 2], 0) / np.prod(features.shape[1:3])
    zoom = (12 / coarse.shape[1], 10 / coarse.shape[2])
    expected = [ndimage.zoom(each, zoom, order=1, mode="nearest", grid_mode=True) for each in coarse]
    np.testing.assert_allclose(found.maps, expected, rtol=1e-3, atol=1e-6)


def test_models_without_pooling_have_grad_cam_by_finite_differences():
    model, x = classifier(layers.Flatten(), layers.Dense(5, "tanh")), pictures(2)
    found = cam.activation_maps(model, x, [1, 3])
    assert found.method == "grad_cam"
    features = feature_maps(model, x).astype("float64")
    (hidden, hidden_bias), (kernel, bias) = (layer.get_weights() for layer in model.layers[-2:])

    def score(maps, label):
        return (np.tanh(maps.reshape(-1) @ hidden + hidden_bias) @ kernel + bias)[label]

    for maps, label, sample in zip(features, [1, 3], found.maps, strict=True):
        # The mean derivative of a channel is the derivative with respect to a number added to the whole channel.
        steps = 1e-5 * np.eye(maps.shape[-1])
        slopes = [(score(maps + step, label) - score(maps - step, label)) / 2e-5 for step in steps]
        coarse = np.maximum(maps @ np.array(slopes) / np.prod(maps.shape[:2]), 0)
        zoom = (12 / coarse.shape[0], 10 / coarse.shape[1])
        expected = ndimage.zoom(coarse, zoom, order=1, mode="nearest", grid_mode=True)
        np.testing.assert_allclose(sample, expected, rtol=1e-3, atol=1e-6)
    with pytest.raises(ValueError, match="grad_cam for a model that does not end in global average pooling"):
        cam.activation_maps(model, x, method="cam")


def detector(size, data_format="channels_last"):
    """A model whose class 1 is a bright red spot and class 0 a bright blue one, by its weights."""
    first = data_format == "channels_first"
    # TensorFlow has no convolution of this format on CPUs, so that the format is changed around it.
    to_last, to_first = ([layers.Permute(order)] if first else [] for order in ((2, 3, 1), (3, 1, 2)))
    model = keras.Sequential(
        [
            keras.Input((3, *size) if first else (*size, 3)),
            *to_last,
            layers.Conv2D(2, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            *to_first,
            layers.GlobalAveragePooling2D(data_format),
            layers.Dense(2),
        ]
    )
    kernel = np.zeros((3, 3, 3, 2), "float32")
    kernel[..., 2, 0] = kernel[..., 0, 1] = 1
    model.set_weights([kernel, np.zeros(2), np.eye(2), np.zeros(2)])
    return model


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("method", ["cam", "grad_cam"])
def test_the_maximum_lies_on_the_planted_object(data_format, method):
    rng = np.random.default_rng(1)
    images, places = 0.05 * rng.random((6, 32, 24, 3)).astype("float32"), []
    for image in images:
        (top, left), (other_top, other_left) = rng.integers(0, 8, 2), rng.integers(18, 20, 2)
        image[top : top + 4, left : left + 4, 0] += 1
        image[other_top : other_top + 4, other_left : other_left + 4, 2] += 1
        places.append([(other_top, other_left), (top, left)])
    x = images if data_format == "channels_last" else np.moveaxis(images, -1, 1)
    for label in (0, 1):
        maps = cam.activation_maps(detector((32, 24), data_format), x, label, method=method).maps
        assert maps.shape == (6, 32, 24)
        for found, place in zip(maps, places, strict=True):
            row, column = np.unravel_index(found.argmax(), found.shape)
            top, left = place[label]
            assert top <= row < top + 4
            assert left <= column < left + 4


def test_any_input_size_and_no_images():
    model = detector((None, None))
    for size in ((16, 16), (20, 36)):
        assert cam.activation_maps(model, pictures(2, size)).maps.shape == (2, *size)
    none = cam.activation_maps(model, np.zeros((0, 16, 16, 3)))
    assert (none.maps.shape, none.classes.shape, none.scores.shape) == ((0, 16, 16), (0,), (0, 2))


def test_models_inside_of_models_are_looked_into():
    inner, x = classifier(pooling()), pictures(4)
    inputs = keras.Input((12, 10, 3))
    outer = keras.Model(inputs, layers.Softmax()(inner(layers.Rescaling(0.5)(inputs))))
    found = cam.activation_maps(outer, x, 1)
    expected = cam.activation_maps(inner, 0.5 * x, 1)
    assert found.method == "cam"
    np.testing.assert_allclose(found.maps, expected.maps, rtol=1e-4, atol=1e-5)
    backbone = keras.Sequential([keras.Input((12, 10, 3)), *inner.layers[:2]])
    headed = keras.Sequential([backbone, *inner.layers[2:]])
    headed.build((None, 12, 10, 3))
    np.testing.assert_allclose(
        cam.activation_maps(headed, x, 1).maps, cam.activation_maps(inner, x, 1).maps, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", ["resnet8", "allcnn_c"])
def test_the_networks_of_the_papers_have_maps(name):
    from tfdrop.models import build

    model = build(name, (16, 16, 3), 5)
    found = cam.activation_maps(model, pictures(2, (16, 16)))
    assert found.method == ("grad_cam" if name == "allcnn_c" else "cam")
    np.testing.assert_allclose(found.scores, model.predict(pictures(2, (16, 16))), rtol=1e-3, atol=1e-5)


def test_what_is_no_classifier_of_images_is_refused():
    x = pictures(2)
    model = classifier(pooling())
    with pytest.raises(ValueError, match=r"`model`. Expected a built functional"):
        cam.activation_maps(keras.Sequential([layers.Dense(2)]), x)
    with pytest.raises(ValueError, match=r"`model`. Expected one input of images"):
        cam.activation_maps(keras.Sequential([keras.Input((3,)), layers.Dense(2)]), x)
    with pytest.raises(ValueError, match=r"`images`. Expected an array of four"):
        cam.activation_maps(model, x[0])
    for classes in (4, [0, -1], [0, 1, 2], [0.5, 1.0]):
        with pytest.raises(ValueError, match=r"`classes`. Expected integers from 0 to 3, one or 2"):
            cam.activation_maps(model, x, classes)
    with pytest.raises(ValueError, match="`method`"):
        cam.activation_maps(model, x, method="gradcam++")
    two = keras.Input((12, 10, 3))
    maps = layers.Conv2D(4, 3)(two)
    joined = layers.Concatenate()([layers.GlobalAveragePooling2D()(maps), layers.GlobalMaxPooling2D()(maps)])
    with pytest.raises(ValueError, match="a single path from the last feature maps"):
        cam.activation_maps(keras.Model(two, layers.Dense(4)(joined)), x)
