import zipfile

import h5py
import keras
import numpy as np
import pytest

from tfdrop.models import DnCNN, load_dncnn
from tfdrop.models.dncnn_weights import Topology, noted_training, saved_topology
from tfdrop.models.trained_for import TrainedFor, note_trained_for, trained_for
from tfdrop.whole_files import is_whole, replace_sealed


@pytest.fixture
def model():
    """A DnCNN whose every weight is random, batch statistics included."""
    model = DnCNN(depth=4, filters=6)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.uniform(0.1, 1, weight.shape))
    return model


def write_authors_form(path, model):
    """Writes weights as the DnCNN authors' Keras 2.0 did: layers conv1, relu2, conv3, bn4, ..., bytes as names."""
    names, index = [], 0
    with h5py.File(path, "w") as file:
        for layer in model.layers[1:]:
            index += 1
            kind = type(layer).__name__
            name = {"Conv2D": "conv", "BatchNormalization": "bn", "ReLU": "relu"}.get(kind, "subtract_") + str(index)
            names.append(name.encode())
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{weight.name}:0".encode() for weight in layer.weights]
            for weight in layer.weights:
                group[f"{name}/{weight.name}:0"] = np.asarray(weight)
        file.attrs["layer_names"] = names


@pytest.mark.parametrize("form", ["authors.h5", "whole.h5", "model.keras"])
def test_loaded_weights_denoise_as_the_saved_ones(tmp_path, model, form):
    path = tmp_path / form
    write_authors_form(path, model) if form == "authors.h5" else model.save(path)
    assert saved_topology(path) == Topology(4, 6, 1)
    noisy = np.random.default_rng(1).random((1, 9, 11, 1), "float32")
    np.testing.assert_allclose(load_dncnn(path)(noisy), model(noisy), rtol=1e-6)


def test_files_that_cannot_be_read(tmp_path, model):
    (tmp_path / "text.h5").write_text("no weights")
    (tmp_path / "text.keras").write_text("no model")
    (tmp_path / "model.pt").write_text("another library's")
    with zipfile.ZipFile(tmp_path / "null.keras", "w") as archive:
        archive.writestr("config.json", "null")
        archive.writestr("model.weights.h5", "")
    with h5py.File(tmp_path / "scalar.h5", "w") as file:
        file.attrs["layer_names"] = 3
    model.save(tmp_path / "cut.keras")
    (tmp_path / "cut.keras").write_bytes((tmp_path / "cut.keras").read_bytes()[:4000])
    for name, message in [
        ("none.h5", "no such file"),
        ("text.h5", "damaged or holds no DnCNN"),
        ("text.keras", "damaged or holds no DnCNN"),
        ("null.keras", "damaged or holds no DnCNN"),
        ("scalar.h5", "damaged or holds no DnCNN"),
        ("cut.keras", "damaged or holds no DnCNN"),
        ("model.pt", "expected a file ending in"),
    ]:
        with pytest.raises(ValueError, match=message):
            load_dncnn(tmp_path / name)


@pytest.mark.parametrize("form", ["whole.h5", "model.keras"])
def test_a_noise_map_is_noticed(tmp_path, form):
    model = DnCNN(depth=3, filters=4, channels=3, noise_map=True)
    model.save(tmp_path / form)
    assert saved_topology(tmp_path / form) == Topology(3, 4, 3, noise_map=True)
    noisy = np.random.default_rng(1).random((1, 9, 11, 4), "float32")
    np.testing.assert_allclose(load_dncnn(tmp_path / form)(noisy), model(noisy), rtol=1e-5, atol=1e-6)


def test_a_file_says_what_it_was_trained_for(tmp_path, model):
    path = tmp_path / "model.keras"
    replace_sealed(path, model.save)  # as runs keep their models
    assert load_dncnn(path).trained_for is noted_training(path) is None
    trained = TrainedFor(0.0, 55.0, 1)
    note_trained_for(path, trained)
    note_trained_for(path, trained_for(25, 25, 1))  # the first note stays
    assert is_whole(path)
    assert load_dncnn(path).trained_for == noted_training(path) == trained
    noisy = np.random.default_rng(1).random((1, 9, 11, 1), "float32")
    np.testing.assert_array_equal(keras.saving.load_model(path)(noisy), model(noisy))
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.keras"]
    for note in ('{"lowest": 5}', '{"lowest": 5, "highest": 1, "channels": 1}', "[]", "{"):
        model.save(path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("trained_for.json", note)
        with pytest.raises(ValueError, match="trained for is damaged"):
            noted_training(path)


def convolutions(*arguments, **shared):
    return keras.Sequential(
        [keras.Input((None, None, 1)), *(keras.layers.Conv2D(*each, **shared) for each in arguments)]
    )


@pytest.mark.parametrize("extension", ["h5", "keras"])
def test_another_network_is_refused(tmp_path, extension):
    others = [
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]),
        convolutions((6, 3), (6, 3), (1, 3), padding="same"),
        convolutions((6, 5), (1, 5), padding="same", use_bias=False),
    ]
    for number, other in enumerate(others):
        other.save(tmp_path / f"{number}.{extension}")
        with pytest.raises(ValueError, match="DnCNN"):
            load_dncnn(tmp_path / f"{number}.{extension}")
