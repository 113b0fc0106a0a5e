import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tfdrop import schedules


def way(step, steps, delay=0):
    return min(max(step - delay, 0) / steps, 1)


CASES = {
    "constant": (schedules.constant(0.3), lambda step: 0.3),
    "linear": (schedules.linear(0.1, 0.9, 10), lambda step: 0.1 + 0.8 * way(step, 10)),
    "linear down, later": (schedules.linear(1, 0, 5, delay=3), lambda step: 1 - way(step, 5, 3)),
    "cosine": (schedules.cosine(0, 1, 8, delay=2), lambda step: (1 - np.cos(np.pi * way(step, 8, 2))) / 2),
    "exponential": (schedules.exponential(0, 0.5, 4, delay=1), lambda step: 0.5 * (1 - np.exp(-max(step - 1, 0) / 4))),
    "piecewise": (
        schedules.piecewise([3, 7], [0.1, 0.5, 0.2]),
        lambda step: [0.1, 0.5, 0.2][(step >= 3) + (step >= 7)],
    ),
}
EACH = pytest.mark.parametrize(("schedule", "formula"), CASES.values(), ids=CASES)


@EACH
@pytest.mark.parametrize("dtype", ["int64", "uint32", "int32", "float32"])
def test_equals_its_formula(schedule, formula, dtype):
    for step in range(15):
        value = schedule(ops.cast(step, dtype))
        assert keras.backend.standardize_dtype(value.dtype) == "float32"
        np.testing.assert_allclose(value, formula(step), rtol=1e-6, atol=1e-7)


@EACH
def test_compiled_it_follows_a_variable(schedule, formula):
    step = keras.Variable(0, dtype="int64")
    for jit_compile in (False, True):
        value = tf.function(lambda: schedule(step), jit_compile=jit_compile)
        for now in (0, 4, 9, 100):
            step.assign(now)
            np.testing.assert_allclose(value(), formula(now), rtol=1e-6, atol=1e-7)


@EACH
def test_bounds_hold_all_values(schedule, formula):
    values = [formula(step) for step in range(200)]
    lowest, highest = schedule.bounds
    assert lowest <= min(values) + 1e-9
    assert highest >= max(values) - 1e-9


@EACH
def test_is_saved_in_a_config(schedule, formula):
    config = keras.saving.serialize_keras_object(schedule)
    again = keras.saving.deserialize_keras_object(config)
    assert again == schedule
    assert hash(again) == hash(schedule)
    assert repr(again) == repr(schedule)
    np.testing.assert_array_equal(again(5), schedule(5))


def test_differ_if_an_argument_does():
    assert schedules.linear(0, 1, 5) != schedules.linear(0, 1, 6)
    assert schedules.linear(0, 1, 5) != schedules.cosine(0, 1, 5)
    assert repr(schedules.constant(0.3)) == "constant(value=0.3)"


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: schedules.constant("high"), "value"),
        (lambda: schedules.linear(float("nan"), 1, 5), "start"),
        (lambda: schedules.linear(0, None, 5), "stop"),
        (lambda: schedules.cosine(0, 1, 0), "steps"),
        (lambda: schedules.exponential(0, 1, 5.5), "steps"),
        (lambda: schedules.linear(0, 1, 5, delay=-1), "delay"),
        (lambda: schedules.piecewise([1, 2], [0.1, 0.2]), "values"),
        (lambda: schedules.piecewise([2, 1], [0.1, 0.2, 0.3]), "boundaries"),
        (lambda: schedules.piecewise([-1], [0.1, 0.2]), "boundaries"),
    ],
)
def test_bad_arguments(make, name):
    with pytest.raises(
        ValueError, match=f"Invalid value received for argument `{name}`. Expected .* Received: {name}="
    ):
        make()
