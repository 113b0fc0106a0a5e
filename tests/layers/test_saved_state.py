"""The step and the random state survive the formats that keep nothing but configs and weights, or only variables."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from drop_models import images

import tfdrop
from tfdrop.data.augmentation.dihedral import RandomDihedral


def build():
    """A model with a scheduled rate, a coin that a layer owns, one that two share, and an augmentation."""
    participation = tfdrop.layers.Participation(tfdrop.schedules.linear(0.3, 0.8, steps=10), name="coin")
    layers = [
        participation,
        RandomDihedral(name="dihedral"),
        keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
        tfdrop.layers.SelectScale(tfdrop.schedules.linear(0, 0.9, 100), name="scheduled"),
        tfdrop.layers.FocusedDropout(participation_rate=0.5, name="own"),
        tfdrop.layers.FocusedDropout(participation_rate=participation, name="shared"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3),
    ]
    inputs = outputs = keras.Input((6, 6, 2))
    for layer in layers:
        outputs = layer(outputs)
    model = keras.Model(inputs, outputs)
    return compile_(model)


def compile_(model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, jit_compile=False)
    return model


def train(model, epochs):
    x, y = images()
    x = np.concatenate([x, x[:, :, :1]], axis=2)
    return model.fit(x, y, batch_size=6, epochs=epochs, shuffle=False, verbose=0).history["loss"]


def save_and_load_hdf5(model, folder):
    model.save(folder / "model.h5")
    # Compiled anew, as Keras 3.15 builds an optimizer that it reads from such a file for no variables.
    return compile_(keras.saving.load_model(folder / "model.h5", compile=False))


def save_and_load_checkpoint(model, folder):
    path = tf.train.Checkpoint(model=model).write(str(folder / "checkpoint"))
    loaded = build()
    loaded.optimizer.build(loaded.trainable_variables)
    tf.train.Checkpoint(model=loaded).read(path).assert_consumed()
    return loaded


@pytest.mark.parametrize("save_and_load", [save_and_load_hdf5, save_and_load_checkpoint])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file", "ignore:.*empty until you train")
def test_goes_on_after_loading_as_if_never_interrupted(save_and_load, tmp_path):
    model = build()
    train(model, epochs=4)
    loaded = save_and_load(model, tmp_path)
    for name in ("coin", "dihedral", "scheduled", "own", "shared"):
        assert loaded.get_layer(name).step == model.get_layer(name).step == 16
    assert loaded.get_layer("scheduled").rate == pytest.approx(0.144)
    assert loaded.get_layer("own").participation.step == 16
    assert loaded.get_layer("own").kept_share == model.get_layer("own").kept_share
    assert loaded.get_layer("shared").participation is loaded.get_layer("coin")
    assert train(loaded, epochs=3) == train(model, epochs=3)


def test_a_clone_starts_afresh():
    model = build()
    train(model, epochs=1)
    clone = keras.models.clone_model(model)
    assert [layer.step for layer in clone.layers if hasattr(layer, "step")] == [0] * 5
    assert "random_states" not in model.get_layer("own").get_config()


def test_weights_of_an_earlier_version_load(tmp_path):
    """Before the kept share was a mean, FocusedDropout saved the last batch's under another name."""

    layer = tfdrop.layers.FocusedDropout(seed=3)
    layer.load_own_variables(dict(seed_generator_state=np.array([5, 7]), kept_share=np.float32(0.5)))
    assert layer.step == 7
    assert layer.kept_share is None
