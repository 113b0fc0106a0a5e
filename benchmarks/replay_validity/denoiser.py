"""The denoiser that is trained: a small DnCNN on patches of the papers' photographs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.influence_validity.images import Images, Samples
from tfdrop.errors import blaming

DEPTH, FILTERS = 5, 16
PATCH_SIZE = 20
BATCH_SIZE = 10
SIGMA = 25


@dataclass(frozen=True)
class DenoiserSetup:
    """A training of a denoiser that a benchmark asks. It has what the setup of a classifier has.

    Attributes:
        title: What the tables call it.
        learning_rate: Learning rate of Adam.
        epochs: Number of epochs.
    """

    title: str
    learning_rate: float = 3e-3
    epochs: int = 12
    measures: ClassVar[Mapping[str, str]] = {"loss": "squared error", "psnr": "PSNR"}

    @property
    def variant(self) -> str:
        """What else the name of the bank's folder has to say."""
        return f"_{DEPTH}x{FILTERS}_batch{BATCH_SIZE}"

    def load(self, dataset: str, data_dir: str | None, samples: int, validation: int) -> tuple[Samples, Images]:
        """Returns noisy and clean patches: those to train on, of Train400; of BSD68 to validate, of Set12 to test.

        Raises:
            UserError: If a folder is not there.
        """
        folder = Path(data_dir or ".")
        parts = [
            _patches(folder / name, count, seed)
            for seed, (name, count) in enumerate((("Train400", samples), ("BSD68", validation), ("Set12", validation)))
        ]
        return parts[0], Images("Train400", 0, *parts)

    def training(self, train: Samples, seed: int, record: Any = False, weights: np.ndarray | None = None) -> Any:
        """Returns a `tfdrop.training.Training` that has not begun."""
        import keras

        from tfdrop.denoising import denoiser_training
        from tfdrop.models import DnCNN

        keras.utils.set_random_seed(seed)
        noisy, clean = train
        return denoiser_training(
            DnCNN(depth=DEPTH, filters=FILTERS),
            noisy,
            clean,
            self.epochs,
            BATCH_SIZE,
            self.learning_rate,
            learning_rate_drops=(),
            seed=seed,
            sample_weights=weights,
            record=record,
        )

    def asked(self, run: Any) -> Any:
        """Returns the denoiser inside the model of errors that is trained."""
        import keras

        return next(layer for layer in run.model.layers if isinstance(layer, keras.Model))

    def measured(self, model: Any, samples: Samples) -> list[float]:
        """Returns the `measures` summed over pairs of patches."""
        noisy, clean = samples
        squares = np.square(model.predict(noisy, batch_size=500, verbose=0).astype("float64") - clean)
        return [float(0.5 * squares.sum()), float(10 * np.log10(squares.mean(axis=(1, 2, 3))).sum())]

    def description(self, train: Samples, validation: Samples) -> str:
        """Returns a sentence that says what is trained and on how much."""
        return (
            f"{len(train[0])} training patches of {PATCH_SIZE}x{PATCH_SIZE} pixels, {len(validation[0])} validation "
            f"patches of BSD68, sigma {SIGMA}; {DEPTH} layers of {FILTERS} maps, {self.epochs} epochs of Adam, "
            f"learning rate {self.learning_rate}, batches of {BATCH_SIZE}; the loss is half the summed squared error, "
            "noise is drawn once. PSNR is summed over the patches, with a minus, in dB."
        )


def _patches(folder: Path, count: int, seed: int) -> Samples:
    """Returns so many pairs of noisy and clean patches, from images in turn."""
    from tfdrop.data import draw_patches, noisy_patches, read_folder

    with blaming("data_dir", str(folder)):
        images = read_folder(folder)
    per_image = -(-count // len(images))
    drawn = draw_patches(images, PATCH_SIZE, per_image, seed=seed)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(drawn.pixels))[:count])
    clean = drawn.pixels[chosen]
    return noisy_patches(clean, SIGMA, seed), clean
