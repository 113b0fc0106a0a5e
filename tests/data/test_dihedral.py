import keras
import numpy as np

from tfdrop.data.augmentation.dihedral import RandomDihedral


def symmetries(image):
    turned = [np.rot90(image, quarter) for quarter in range(4)]
    return turned + [np.flip(each, 1) for each in turned]


def test_gives_all_eight_symmetries_equally_often():
    image = np.random.default_rng(0).random((5, 5, 2), "float32")
    out = np.asarray(RandomDihedral(seed=1)(np.tile(image, (4000, 1, 1, 1)), training=True))
    counts = [(out == each).all((1, 2, 3)).sum() for each in symmetries(image)]
    assert sum(counts) == 4000
    # Each count has mean 500 and standard deviation 21.
    assert min(counts) > 400
    assert max(counts) < 600


def test_is_the_identity_in_inference_and_survives_saving():
    images = np.random.default_rng(0).random((3, 4, 4, 1), "float32")
    layer = RandomDihedral(seed=5)
    np.testing.assert_array_equal(layer(images), images)
    assert keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer)).seed == 5


def test_a_saved_model_goes_on_drawing_where_it_was(tmp_path):
    images = np.random.default_rng(0).random((40, 4, 4, 1), "float32")
    model = keras.Sequential([keras.Input((4, 4, 1)), RandomDihedral()])
    model(images, training=True)
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    drawn = np.asarray(model(images, training=True))
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].step == 1
    np.testing.assert_array_equal(loaded(images, training=True), drawn)
    model.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(model(images, training=True), drawn)
    assert (np.asarray(model(images, training=True)) != drawn).any()
