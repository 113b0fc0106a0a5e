"""What several devices find is what one finds up to the order of summation; what is not, is as the page says."""

import contextlib
import os
import subprocess
import sys

import numpy as np
import pytest
from programs import ROOT, worker_environments
from several_devices import fewer, influences, replays, trainings

SCRIPT = ROOT / "tests" / "several_devices.py"
ON_TENSORFLOW = ["mirrored", "worker0", "worker1"]


def start(kind, path, **environment):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]), **environment}
    command = [sys.executable, str(SCRIPT), kind, str(path)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("devices")
    running = [
        start("mirrored", folder / "mirrored.npz"),
        start("three", folder / "three.npz"),
        start("parallel", folder / "parallel.npz", KERAS_BACKEND="jax", JAX_PLATFORMS="cpu"),
        *(start("workers", folder / f"worker{n}.npz", **each) for n, each in enumerate(worker_environments(2))),
    ]
    one = contextlib.nullcontext
    found = {"one": trainings(one) | influences(one) | replays(one) | fewer(one)}
    for process in running:
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0, out
    for path in folder.glob("*.npz"):
        with np.load(path) as file:
            found[path.stem] = dict(file)
        assert found[path.stem].pop("devices") == (3 if path.stem == "three" else 2)
    jax = found["parallel"]
    found["one on JAX"] = {name: jax.pop(f"one {name}") for name in list(jax) if not name.startswith("one ")}
    return found


def of(results, kind, name):
    return {key: value for key, value in results[kind].items() if key.startswith(f"{name}: ")}


@pytest.mark.parametrize("kind", [*ON_TENSORFLOW, "parallel"])
def test_the_same_as_one_device_up_to_summation_order(results, kind):
    """Also the last batches, of one sample."""
    one = of(results, "one on JAX" if kind == "parallel" else "one", "whole")
    found = of(results, kind, "whole")
    assert one.keys() == found.keys()
    tolerance = 1e-5 if kind == "parallel" else 1e-12  # Keras normalizes in float32 on JAX
    for name, expected in one.items():
        np.testing.assert_allclose(found[name], expected, atol=tolerance * np.abs(expected).max(), rtol=0, err_msg=name)


def test_each_worker_reads_the_images_of_its_own_shares(results):
    """Three batches of ten and a last image, which both need, in each of two epochs; the first shows the shape."""
    read = [results[f"worker{number}"]["read"][1:] for number in range(2)]
    assert [len(numbers) for numbers in read] == [2 * (15 + 1)] * 2
    both = np.bincount(np.concatenate(read), minlength=31)
    assert both.sum() == 2 * (30 + 2)
    assert (both >= 2).all()


@pytest.mark.parametrize(("name", "tolerance"), [("few", 1e-6), ("few, summed", 1e-12)])
def test_a_batch_of_fewer_samples_than_devices_counts_none_twice(results, name, tolerance):
    """A mean Keras multiplies by a third that is rounded to float32."""
    one, found = of(results, "one", name), of(results, "three", name)
    assert one.keys() == found.keys()
    for key, expected in one.items():
        np.testing.assert_allclose(found[key], expected, atol=tolerance * np.abs(expected).max(), rtol=0, err_msg=key)


@pytest.mark.parametrize("kind", ON_TENSORFLOW)
def test_moving_statistics_are_the_mean_over_the_devices(results, kind):
    """Of a first layer's batches the mean is that of one device; the variance within the shares is smaller."""
    one, found = of(results, "one", "moving"), of(results, kind, "moving")
    mean, variance = "moving: 2 moving_mean", "moving: 3 moving_variance"
    np.testing.assert_allclose(found[mean], one[mean], rtol=1e-12)
    assert 1e-6 < np.max(one[variance] - found[variance]) < 1e-2
    for name, value in found.items():
        np.testing.assert_array_equal(value, results["mirrored"][name], err_msg=name)


@pytest.mark.parametrize("kind", ON_TENSORFLOW)
def test_each_device_draws_masks_of_its_own(results, kind):
    """The last kernel is the sum of two samples' masks, 0 or 1 in each."""
    one, found = (of(results, which, "draws")["draws: 5 kernel"] for which in ("one", kind))
    for kernel in (one, found):
        assert set(np.unique(kernel)) == {0.0, 1.0, 2.0}
    assert not np.array_equal(one, found)
    np.testing.assert_array_equal(found, of(results, "mirrored", "draws")["draws: 5 kernel"])


def test_on_jax_draws_are_those_of_one_device(results):
    for name, expected in of(results, "one on JAX", "draws").items():
        np.testing.assert_array_equal(results["parallel"][name], expected, err_msg=name)


@pytest.mark.parametrize("kind", [*ON_TENSORFLOW, "parallel"])
def test_a_batch_has_one_coin_on_all_devices(results, kind):
    """Where it fell the first kernel, which nothing else changes, halved."""
    one = of(results, "one on JAX" if kind == "parallel" else "one", "coins")
    found = of(results, kind, "coins")
    assert 0 < -np.log2(one["coins: 3 kernel"][0, 0]) < 9
    for name, expected in one.items():
        np.testing.assert_array_equal(found[name], expected, err_msg=name)


@pytest.mark.parametrize("kind", ON_TENSORFLOW)
def test_influence_is_that_of_one_device(results, kind):
    one, found = of(results, "one", "influence"), of(results, kind, "influence")
    assert len(one) == len(found) == 4
    for name, expected in one.items():
        np.testing.assert_allclose(found[name], expected, atol=1e-3 * np.abs(expected).max(), err_msg=name)


def test_each_worker_reads_its_share_for_influence_and_tests(results):
    """Three batches of ten images, and a last one; a network's shape, and a check of all, each process reads itself."""
    one, workers = results["one"], [results[f"worker{number}"] for number in range(2)]
    assert one["tested: read"] == 1 + 31
    for found in workers:
        assert found["tested: read"] == 1 + 15 + 1
        assert found["read by influence"] < 0.6 * one["read by influence"]
    for found in (*workers, results["mirrored"]):
        np.testing.assert_allclose(found["tested: outputs"], one["tested: outputs"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [*ON_TENSORFLOW, "parallel"])
def test_a_replay_is_that_of_one_device(results, kind):
    """Through batch normalization, of which every replica's part depends on the others' samples."""
    tolerance = 1e-4 if kind == "parallel" else 1e-6  # rates are in float32; Keras normalizes in it on JAX
    expected = results["one on JAX" if kind == "parallel" else "one"]["replay: scores"]
    np.testing.assert_allclose(results[kind]["replay: scores"], expected, atol=tolerance * np.abs(expected).max())
    assert results["parallel"]["replay on"] == 2


@pytest.mark.parametrize("kind", ON_TENSORFLOW)
def test_a_replay_draws_what_each_device_drew(results, kind):
    """Beside the difference that two trainings on the same devices find."""
    found = results[kind]
    assert found["drawn: derivative"] == pytest.approx(found["drawn: difference"], rel=1e-5)


REFUSED = {
    "mask": "`model`. Expected one whose outputs have no mask, on several devices",
    "added losses": "`model`. Expected one whose layers add no losses but penalties of weights, on several devices",
    "reduction": "`loss`. Expected a Keras loss whose reduction is one of ('sum', 'sum_over_batch_size'), ",
    "clipping": "`optimizer`. Expected one that does not clip gradients, on several devices",
    "outside": "`optimizer`. Expected one made in the scope of the model's strategy",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_not_be_the_same_is_refused(results, name):
    assert REFUSED[name] in str(results["mirrored"][f"refused: {name}"])
