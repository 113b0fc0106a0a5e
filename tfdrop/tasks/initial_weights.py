"""The weights that trainings start from: the paper's theta_0 (Data Dropout, Algorithm 1, line 9)."""

from tfdrop.models.initial_weights import layer_seed
from tfdrop.tasks.settings import RunSettings


def initial_seed(settings: RunSettings, training: str) -> int:
    """Returns the seed of the initial weights of a training: the run's own, or one of the training's name as well."""
    return settings.seed if settings.same_start else layer_seed(settings.seed, training)
