"""Derivatives of every kind of layer, against differences of losses from Keras in float64."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from derivative_kinds import KINDS, make, reference
from programs import ROOT, WITHOUT_TENSORFLOW

from tfdrop.influence import total_influence
from tfdrop.influence.autodiff import DerivativeWarning, verified_autodiff
from tfdrop.influence.per_sample_loss import PerSampleLoss

# TensorFlow resizes in float32 whatever it is given, so differences take a large step there.
STEPS = {"resizing_bilinear": 1e-2, "resizing_bicubic": 1e-2, "up_sampling2d_bilinear": 1e-2}
FORWARD = "forward over backward"

ON_JAX = """
import sys, warnings
import jax
import numpy as np
jax.config.update("jax_disable_most_optimizations", True)
from derivative_kinds import KINDS, make
from tfdrop.influence.autodiff import verified_autodiff
from tfdrop.influence.per_sample_loss import PerSampleLoss

warnings.simplefilter("error")
references = np.load(sys.argv[1])
found = {}
for name, kind in KINDS.items():
    model, x, y = make(kind)
    autodiff = verified_autodiff(model, PerSampleLoss("mse"), model.trainable_variables)
    autodiff.verify(x, y, "hessian")
    one, two = references[f"{name} one"], references[f"{name} two"]
    found[f"{name} curvature"] = one @ np.asarray(autodiff.hessian_product(x, y, two))
    found[f"{name} directional"] = np.asarray(autodiff.directional_derivatives(x, y, one))
np.savez(sys.argv[2], **found)
"""


@pytest.fixture(scope="module")
def references():
    return {name: reference(kind, STEPS.get(name, 1e-4)) for name, kind in KINDS.items()}


@pytest.fixture(scope="module")
def jax_process(references, tmp_path_factory):
    """The same on JAX, in a process that runs beside the tests on TensorFlow."""
    folder = tmp_path_factory.mktemp("jax")
    arrays = {f"{name} {part}": value for name, found in references.items() for part, value in found._asdict().items()}
    np.savez(folder / "references.npz", **arrays)
    (folder / "script.py").write_text(ON_JAX)
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": paths}
    files = [folder / name for name in ("script.py", "references.npz", "found.npz")]
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, *map(str, files)]
    with open(folder / "log.txt", "w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        yield process, folder
        process.kill()


def check(found_curvature, found_directional, expected):
    assert found_curvature == pytest.approx(expected.curvature, rel=2e-3, abs=1e-4)
    scale = np.abs(expected.directional).max()
    np.testing.assert_allclose(found_directional, expected.directional, atol=1e-3 * scale)


@pytest.mark.usefixtures("jax_process")
@pytest.mark.parametrize("name", KINDS)
def test_on_tensorflow(references, name):
    kind, expected = KINDS[name], references[name]
    model, x, y = make(kind)
    autodiff = verified_autodiff(model, PerSampleLoss("mse"), model.trainable_variables)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", DerivativeWarning)
        assert autodiff.verify(x, y, "hessian") == "hessian"
    check(
        expected.one @ np.asarray(autodiff.hessian_product(x, y, expected.two)),
        autodiff.directional_derivatives(x, y, expected.one),
        expected,
    )
    methods = {check.derivative: check.method for check in autodiff.checks}
    assert methods["hessian_product"] == methods["directional_derivatives"] == (kind.method or FORWARD)
    messages = [str(warning.message) for warning in said if warning.category is DerivativeWarning]
    assert len(messages) == (kind.method is not None)
    assert all(f"({kind.blamed})" in message for message in messages)


@pytest.fixture(scope="module")
def found_on_jax(jax_process):
    process, folder = jax_process
    assert process.wait(timeout=600) == 0, (folder / "log.txt").read_text()
    with np.load(folder / "found.npz") as found:
        return dict(found)


@pytest.mark.parametrize("name", KINDS)
def test_on_jax(references, found_on_jax, name):
    check(found_on_jax[f"{name} curvature"], found_on_jax[f"{name} directional"], references[name])


def test_a_grouped_convolution_is_two_linear_regressions():
    """Their influence is known to NumPy; forward mode on TensorFlow finds every score to be exactly zero."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((1, 1, 4)), layers.Conv2D(2, 1, groups=2, use_bias=False), layers.Flatten()])
    rng = np.random.default_rng(0)
    x, x_validation = rng.normal(size=(2, 30, 1, 1, 4)).astype("float32")
    y, y_validation = rng.normal(size=(2, 30, 2)).astype("float32")
    with pytest.warns(DerivativeWarning, match="reverse over reverse"):
        found = total_influence(
            model, (x, y), (x_validation, y_validation), loss="mse", solver="exact", damping=0.1, verbose=0
        )
    kernel = np.asarray(model.layers[0].kernel, "float64")[0, 0]  # (2 inputs of a group, 2 groups)
    expected = np.zeros(30)
    for group in range(2):
        inputs, targets = (part[:, 0, 0, 2 * group : 2 * group + 2] for part in (x, x_validation)), (y, y_validation)
        (rows, rows_validation), (target, target_validation) = inputs, targets
        # The squared errors are averaged over the two outputs: half of each, and so a derivative of 1.
        gradients, gradients_validation = (
            (a @ kernel[:, group] - b[:, group])[:, None] * a
            for a, b in ((rows, target), (rows_validation, target_validation))
        )
        matrix = rows.T.astype("float64") @ rows / 30 + 0.1 * np.eye(2)
        expected -= gradients @ np.linalg.solve(matrix, gradients_validation.sum(0))
    np.testing.assert_allclose(found.scores, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
