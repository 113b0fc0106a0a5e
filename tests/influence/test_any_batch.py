"""Derivatives are traced once for all numbers of samples."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfdrop.influence.autodiff.any_batch_tensorflow import ForAnyBatch
from tfdrop.influence.autodiff.reverse_tensorflow import ReverseAutodiff
from tfdrop.influence.autodiff.tensorflow import Autodiff
from tfdrop.influence.per_sample_loss import PerSampleLoss

DERIVATIVES = ("gradient", "directional_derivatives", "hessian_product", "gauss_newton_product")


def noting(kind):
    """Returns an `Autodiff` class that notes the shapes of what it traces."""

    class Noting(kind):
        def _outputs(self, x):
            self.shapes.append(tuple(x.shape))
            return super()._outputs(x)

    return Noting


class Scaled(keras.layers.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return keras.ops.tanh(x) * self.factor


class KnowsSamples(keras.layers.Layer):
    """Wants to know how many samples there are."""

    def call(self, x):
        return keras.ops.tanh(x) * (2.0 / len(range(x.shape[0])))

    def compute_output_shape(self, shape):
        return shape


def built(kind, layer):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), layer, keras.layers.Dense(2)])
    found = noting(kind)(model, PerSampleLoss(keras.losses.MeanSquaredError()))
    found.shapes = []
    return found


def batch(samples, autodiff, derivative):
    rng = np.random.default_rng(samples)
    x, y = rng.normal(size=(samples, 3)).astype("float32"), rng.normal(size=(samples, 2)).astype("float32")
    vector = tf.constant(rng.normal(size=autodiff.size).astype("float32"))
    return (x, y) if derivative == "gradient" else (x, y, vector)


@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("kind", [Autodiff, ReverseAutodiff])
def test_one_trace_serves_all_numbers_of_samples(kind, derivative):
    autodiff = built(kind, keras.layers.Activation("tanh"))
    sizes = (5, 1, 8)
    found = {samples: getattr(autodiff, derivative)(*batch(samples, autodiff, derivative)) for samples in sizes}
    assert set(autodiff.shapes) == {(None, 3)}
    traced = len(autodiff.shapes)
    for samples in reversed(sizes):  # another one, which sees them in another order
        other = built(kind, keras.layers.Activation("tanh"))
        np.testing.assert_array_equal(getattr(other, derivative)(*batch(samples, other, derivative)), found[samples])
        assert len(other.shapes) == traced
    one_by_one = [batch(8, autodiff, derivative)[:2][part] for part in (0, 1)]
    parts = [
        getattr(autodiff, derivative)(x[None], y[None], *batch(8, autodiff, derivative)[2:])
        for x, y in zip(*one_by_one, strict=True)
    ]
    together = np.concatenate(parts) if derivative == "directional_derivatives" else np.sum(parts, axis=0)
    np.testing.assert_allclose(together, found[8], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_what_wants_to_know_the_number_is_traced_for_each(derivative):
    autodiff = built(Autodiff, KnowsSamples())
    for samples in (5, 2, 5):
        arguments = batch(samples, autodiff, derivative)
        found = getattr(autodiff, derivative)(*arguments)
        scaled = built(Autodiff, Scaled(2.0 / samples))
        np.testing.assert_allclose(found, getattr(scaled, derivative)(*arguments), rtol=1e-4, atol=1e-6)
    assert {shape[0] for shape in autodiff.shapes if shape[0] is not None} == {5, 2}


def test_other_shapes_and_types_of_samples_are_other_traces():
    class Sums:
        @ForAnyBatch
        def sums(self, x, y):
            traces.append((x["a"].shape, x["a"].dtype))
            return tf.reduce_sum(x["a"], axis=0), y

    traces, sums = [], Sums()
    for shape, dtype in (((4, 2), "float32"), ((3, 2), "float32"), ((4, 5), "float32"), ((3, 5), "int32")):
        x = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
        found, nothing = sums.sums({"a": x}, None)
        np.testing.assert_array_equal(found, x.sum(axis=0))
        assert nothing is None
    assert [tuple(shape) for shape, _ in traces] == [(None, 2), (None, 5), (None, 5)]


def test_an_error_of_the_data_is_raised_as_it_is():
    autodiff = built(Autodiff, keras.layers.Activation("tanh"))
    x = np.zeros((4, 3), "float32")
    with pytest.raises(Exception, match=r"\b2\b.*\b3\b|\b3\b.*\b2\b"):
        autodiff.gradient(x, np.zeros((4, 3), "float32"))
    assert autodiff.gradient(x, np.zeros((4, 2), "float32")).shape == (autodiff.size,)


@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_what_was_traced_does_not_keep_its_model_alive(derivative):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    autodiff = Autodiff(model, PerSampleLoss(keras.losses.MeanSquaredError()))
    getattr(autodiff, derivative)(*batch(3, autodiff, derivative))
    gone = weakref.ref(autodiff), weakref.ref(model)
    del autodiff, model
    gc.collect()
    assert [each() for each in gone] == [None, None]
