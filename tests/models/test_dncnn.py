import keras
import numpy as np
import pytest

from tfdrop.models import DnCNN


def test_has_the_published_number_of_parameters():
    assert sum(np.prod(weight.shape) for weight in DnCNN().trainable_weights) == 556_096


def test_topology():
    model = DnCNN(depth=6, filters=8)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.use_bias for layer in convolutions] == [True] + [False] * 5
    assert [layer.filters for layer in convolutions] == [8] * 5 + [1]
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert [(layer.epsilon, layer.momentum) for layer in norms] == [(1e-4, 0.9)] * 4


@pytest.mark.parametrize("shape", [(1, 5, 9, 1), (3, 17, 8, 1)])
def test_any_height_and_width(shape):
    assert DnCNN(depth=3, filters=4)(np.zeros(shape, "float32")).shape == shape


def test_subtracts_its_estimate_of_the_noise():
    model = DnCNN(depth=3, filters=4)
    noisy = np.random.default_rng(0).random((2, 8, 8, 1), "float32")
    noise = keras.Model(model.input, model.get_layer("conv3").output)(noisy)
    np.testing.assert_allclose(model(noisy), noisy - noise, atol=1e-6)
    model.get_layer("conv3").kernel.assign(np.zeros((3, 3, 4, 1)))
    np.testing.assert_array_equal(model(noisy), noisy)


@pytest.mark.parametrize("arguments", [{"depth": 1}, {"filters": 0}, {"channels": 0}, {"depth": 2.5}, {"depth": "9"}])
def test_bad_arguments(arguments):
    [(name, value)] = arguments.items()
    with pytest.raises(ValueError, match=rf"argument `{name}`.*Received: {name}={value!r}"):
        DnCNN(**arguments)
