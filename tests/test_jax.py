"""The same library on JAX, where TensorFlow is not installed: same derivatives, same scores."""

import keras
import numpy as np
import pytest
from problems import smooth_denoiser
from programs import run_on_jax

from tfdrop import cam
from tfdrop.influence import LiSSA, total_influence
from tfdrop.influence.autodiff.tensorflow import Autodiff
from tfdrop.influence.per_sample_loss import PerSampleLoss

SCRIPT = """
import importlib.util, sys
import keras
import numpy as np
import tfdrop
from tfdrop import cam
from tfdrop.influence import LiSSA, total_influence
from tfdrop.influence.autodiff.jax import Autodiff
from tfdrop.influence.per_sample_loss import PerSampleLoss

folder = sys.argv[1]
arrays = np.load(f"{folder}/arrays.npz")
x, y, vector = arrays["x"], arrays["y"], arrays["vector"]
model = keras.saving.load_model(f"{folder}/model.keras")
autodiff = Autodiff(model, PerSampleLoss(model.loss))
found = total_influence(model, (x, y), [(x[:2], y[:2]), (x[2:3, :4], y[2:3, :4])], curvature="gauss_newton",
                        solver=LiSSA(depth=100, batch_size=6), verbose=0)
block = total_influence(model, (x, y), (x[:2], y[:2]), solver="cg", variables=model.layers[-2], verbose=0)
np.savez(f"{folder}/jax.npz",
    gradient=autodiff.gradient(x, y),
    hessian_product=autodiff.hessian_product(x, y, vector),
    gauss_newton_product=autodiff.gauss_newton_product(x, y, vector),
    directional_derivatives=autodiff.directional_derivatives(x, y, vector),
    penalty_product=autodiff.penalty_product(vector),
    maps=cam.activation_maps(keras.saving.load_model(f"{folder}/classifier.keras"), arrays["images"], [0, 2, 1]).maps,
    first=cam.activation_maps(keras.saving.load_model(f"{folder}/first.keras"),
                              np.moveaxis(arrays["images"], -1, 1), [0, 2, 1]).maps,
    scores=found.scores, damping=found.damping, residual=found.residual, block_scores=block.scores)
assert sys.modules["tensorflow"] is None
assert keras.backend.backend() == "jax"
"""


def classifier(data_format):
    """A classifier that has Grad-CAM alone."""
    layers = keras.layers
    shape = (7, 6, 2) if data_format == "channels_last" else (2, 7, 6)
    maps = layers.Conv2D(4, 3, activation="gelu", data_format=data_format)
    return keras.Sequential([keras.Input(shape), maps, layers.Flatten(data_format), layers.Dense(3)])


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same quantities from both backends: a dictionary of pairs."""
    folder = tmp_path_factory.mktemp("jax")
    model, x, y = smooth_denoiser()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.kernel_regularizer = keras.regularizers.L2(0.3)
    model = keras.Model.from_config(model.get_config())
    for weight in model.weights:
        weight.assign(np.random.default_rng(1).uniform(0.2, 0.8, weight.shape))
    model.compile(loss="mse")
    model.save(folder / "model.keras")
    autodiff = Autodiff(model, PerSampleLoss(model.loss))
    vector = np.random.default_rng(2).normal(size=autodiff.size).astype("float32")
    images = np.random.default_rng(3).normal(size=(3, 7, 6, 2)).astype("float32")
    last, first = classifier("channels_last"), classifier("channels_first")
    first.set_weights(last.get_weights())  # flattened, they are of the same order: it is channels last in both
    last.save(folder / "classifier.keras")
    first.save(folder / "first.keras")
    np.savez(folder / "arrays.npz", x=x, y=y, vector=vector, images=images)
    (folder / "script.py").write_text(SCRIPT)
    finished = run_on_jax(folder / "script.py", folder)
    assert finished.returncode == 0, finished.stderr
    found = total_influence(
        model,
        (x, y),
        [(x[:2], y[:2]), (x[2:3, :4], y[2:3, :4])],
        curvature="gauss_newton",
        solver=LiSSA(depth=100, batch_size=6),
        verbose=0,
    )
    block = total_influence(model, (x, y), (x[:2], y[:2]), solver="cg", variables=model.layers[-2], verbose=0)
    maps = cam.activation_maps(last, images, [0, 2, 1]).maps
    on_tensorflow = {
        "maps": maps,
        "first": maps,  # TensorFlow has no convolution of channels that come first on CPUs
        "gradient": autodiff.gradient(x, y),
        "hessian_product": autodiff.hessian_product(x, y, vector),
        "gauss_newton_product": autodiff.gauss_newton_product(x, y, vector),
        "directional_derivatives": autodiff.directional_derivatives(x, y, vector),
        "penalty_product": autodiff.penalty_product(vector),
        "scores": found.scores,
        "block_scores": block.scores,
        "damping": found.damping,
        "residual": found.residual,
    }
    on_jax = np.load(folder / "jax.npz")
    return {name: (np.asarray(value), on_jax[name]) for name, value in on_tensorflow.items()}


@pytest.mark.parametrize(
    "name",
    ["gradient", "hessian_product", "gauss_newton_product", "directional_derivatives", "penalty_product"],
)
def test_derivatives_are_the_same(both, name):
    on_tensorflow, on_jax = both[name]
    assert np.linalg.norm(on_tensorflow) > 0
    assert np.linalg.norm(on_tensorflow - on_jax) < 1e-5 * np.linalg.norm(on_tensorflow)


@pytest.mark.parametrize("name", ["maps", "first"])
def test_activation_maps_are_the_same_in_both_data_formats(both, name):
    on_tensorflow, on_jax = both[name]
    assert on_tensorflow.max() > 0
    np.testing.assert_allclose(on_jax, on_tensorflow, atol=1e-4 * on_tensorflow.max())


def test_influence_is_the_same(both):
    for name in ("scores", "block_scores", "damping", "residual"):
        on_tensorflow, on_jax = both[name]
        scale = np.abs(on_tensorflow).max()
        np.testing.assert_allclose(on_jax, on_tensorflow, atol=1e-3 * scale, err_msg=name)
