"""The denoisers that are trained, what ranks their patches, and what they are worth."""

from typing import Any

import numpy as np

from benchmarks.planted_patches.planted import PlantedPatches
from tfdrop.tasks.denoising.settings import DenoiseSettings

PRINTED, REPLAY, LOSS = "influence as printed", "replay", "training loss"
WITH_A_ZERO = (PRINTED, REPLAY)
SETTINGS: dict[str, Any] = {
    "train_dir": "Train400",
    "validation_dir": "BSD68",
    "test_dir": "Set12",
    "depth": 4,
    "filters": 16,
    "patch_size": 24,
    "batch_size": 8,
    "learning_rate_drops": [5],
}


def denoiser_and_training(
    settings: DenoiseSettings, noisy: np.ndarray, clean: np.ndarray, seed: int, record: bool = False
) -> tuple[Any, Any]:
    """Returns a DnCNN and its finished `Training`."""
    import keras

    from tfdrop.denoising import denoiser_training
    from tfdrop.models import DnCNN

    keras.utils.set_random_seed(seed)
    denoiser = DnCNN(depth=settings.depth, filters=settings.filters)
    names = ("epochs", "batch_size", "learning_rate", "learning_rate_drops")
    training = denoiser_training(
        denoiser, noisy, clean, seed=seed, record=record, **{name: getattr(settings, name) for name in names}
    )
    for _ in training.dispatches():
        pass
    return denoiser, training


def rankings(settings: DenoiseSettings, patches: PlantedPatches, validation: list, seed: int) -> dict[str, np.ndarray]:
    """Returns the rankings by name, shape `(n,)`, largest to be dropped first.

    Args:
        settings: What is trained, and how influence is found.
        patches: The training patches.
        validation: Pairs `(noisy, clean)` of images.
        seed: Seed of the training that is asked.
    """
    from tfdrop.influence import InfluenceModel, LiSSA, replay_influence
    from tfdrop.losses import HalfSumSquaredError

    denoiser, training = denoiser_and_training(settings, patches.noisy, patches.clean, seed, record=True)
    errors = denoiser.predict(patches.noisy, batch_size=settings.batch_size, verbose=0) - patches.clean
    replay = replay_influence(training, validation, model=denoiser, horizon="auto", verbose=0)
    train = (patches.noisy, patches.clean)
    model = InfluenceModel(denoiser, train, HalfSumSquaredError(), curvature="hessian", seed=seed, verbose=0)
    solver = LiSSA(settings.influence_depth, batch_size=settings.influence_batch_size, on_divergence="adapt")
    printed = model.total(validation, solver=solver)
    return {REPLAY: replay.scores, PRINTED: printed.scores, LOSS: np.sum(errors**2, axis=(1, 2, 3)) / 2}


def psnr_without(
    settings: DenoiseSettings, patches: PlantedPatches, dropped: np.ndarray, test: list, seed: int
) -> float:
    """Returns the mean PSNR in dB on test pairs of a denoiser that was trained from a seed without some patches."""
    import keras

    from tfdrop.tasks.denoising.training import mean_psnr

    kept = np.setdiff1d(np.arange(len(patches.noisy)), dropped)
    denoiser, _ = denoiser_and_training(settings, patches.noisy[kept], patches.clean[kept], seed)
    found = mean_psnr(settings, denoiser, test)
    keras.backend.clear_session()
    return found
