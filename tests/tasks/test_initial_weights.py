"""All trainings of a seed start from the same weights, whatever stands between the layers (Algorithm 1, line 9)."""

import numpy as np
import pytest

from tfdrop.checkpoint import OutOfTime, load_training
from tfdrop.tasks.classification.data import preprocessed, read_data
from tfdrop.tasks.classification.drop_layers import with_usual_values
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.classification.training import train_classifier
from tfdrop.tasks.denoising.data import read_data as read_photographs
from tfdrop.tasks.denoising.settings import DenoiseSettings
from tfdrop.tasks.denoising.training import train_denoiser, training_pairs
from tfdrop.training.resumable import CHECKPOINT

SMALL = {"train_samples": 64, "validation_samples": [50], "epochs": 1, "learning_rate": 1e-12, "augment": "crop"}


class OneStep:
    """A pace that stops after the first step."""

    def after_step(self, save):
        save()
        raise OutOfTime


def kernels(folder, train):
    """Returns the kernels after one step whose learning rate leaves them what they were."""
    folder.mkdir()
    with pytest.raises(OutOfTime):
        train(folder)
    model, _ = load_training(folder / CHECKPOINT)
    return {layer.name: np.array(layer.kernel) for layer in model._flatten_layers() if hasattr(layer, "kernel")}


def classifier_kernels(folder, name, round, **more):
    settings = with_usual_values(ClassifySettings(**SMALL, drop_until_round=1, **more))
    data, _ = preprocessed(settings, read_data(settings))
    return kernels(folder, lambda path: train_classifier(settings, data, data.train, name, round, path, pace=OneStep()))


def denoiser_kernels(folder, name, augment, **more):
    settings = DenoiseSettings(patches_per_image=2, depth=3, filters=4, epochs=1, learning_rate=1e-12, **more)
    pairs = training_pairs(settings, read_photographs(settings))
    return kernels(folder, lambda path: train_denoiser(settings, pairs, name, augment, path, "", OneStep()))


@pytest.mark.parametrize("of_training", [classifier_kernels, denoiser_kernels])
def test_rounds_start_from_the_same_weights_unless_told_not_to(of_training, tmp_path):
    first = of_training(tmp_path / "first", "round 1", of_training is classifier_kernels and 1)
    second = of_training(tmp_path / "second", "round 2", 2)
    other = of_training(tmp_path / "other", "round 2", 2, same_start=False)
    assert len(first) >= 3
    assert first.keys() == second.keys() == other.keys()
    for name in first:
        np.testing.assert_allclose(second[name], first[name], atol=1e-6)
        assert np.abs(other[name] - first[name]).max() > 1e-3
