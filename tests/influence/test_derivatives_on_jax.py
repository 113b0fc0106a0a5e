"""Derivatives of every kind of layer on JAX, against the same references as on TensorFlow."""

from pathlib import Path

import numpy as np
import pytest
from derivative_checks import check_against, reference
from derivative_kinds import ON_JAX
from programs import run_on_jax

SCRIPT = """
import sys, warnings
sys.path.insert(0, sys.argv[3])
import jax
import numpy as np
jax.config.update("jax_disable_most_optimizations", True)
from derivative_kinds import KINDS, ON_JAX, make
from tfdrop.influence.autodiff import DerivativeWarning, verified_autodiff
from tfdrop.influence.per_sample_loss import PerSampleLoss

warnings.simplefilter("error", DerivativeWarning)
references = np.load(sys.argv[1])
found = {}
for name in ON_JAX:
    model, x, y = make(KINDS[name])
    autodiff = verified_autodiff(model, PerSampleLoss("mse"), model.trainable_variables)
    autodiff.verify(x, y, "hessian")
    one, two = references[f"{name} one"], references[f"{name} two"]
    found[f"{name} curvature"] = one @ np.asarray(autodiff.hessian_product(x, y, two))
    found[f"{name} directional"] = np.asarray(autodiff.directional_derivatives(x, y, one))
np.savez(sys.argv[2], **found)
"""


@pytest.fixture(scope="module")
def on_both(tmp_path_factory):
    """References from Keras on TensorFlow in float64, and what is found in one process on JAX."""
    folder = tmp_path_factory.mktemp("jax")
    references = {name: reference(name) for name in ON_JAX}
    arrays = {f"{name} {part}": value for name, found in references.items() for part, value in found._asdict().items()}
    np.savez(folder / "references.npz", **arrays)
    (folder / "script.py").write_text(SCRIPT)
    files = [folder / name for name in ("script.py", "references.npz", "found.npz")]
    finished = run_on_jax(*files, Path(__file__).parents[1])
    assert finished.returncode == 0, finished.stderr
    with np.load(folder / "found.npz") as found:
        return references, dict(found)


@pytest.mark.parametrize("name", ON_JAX)
def test_on_jax(on_both, name):
    references, found = on_both
    check_against(references[name], found[f"{name} curvature"], found[f"{name} directional"])
