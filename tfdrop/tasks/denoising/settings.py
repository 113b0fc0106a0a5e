"""What a denoising run depends on. No deep-learning backend is needed to check it."""

from dataclasses import dataclass
from typing import Any

from tfdrop.errors import UserError
from tfdrop.tasks.fields import setting
from tfdrop.tasks.settings import INFLUENCE_HELP, INFLUENCES, RunSettings

MEASURES = ("loss", "psnr")
MEASURE_HELP = (
    "What influence is the influence on, summed over the validation images: loss, half the squared errors, as in the "
    "paper; or psnr, in which every image counts alike."
)


@dataclass(frozen=True)
class DenoiseSettings(RunSettings):
    """Everything that a run depends on. The defaults are the small embedded run.

    Raises:
        UserError: If a value is out of its range or settings are at odds; the message names the flag.
    """

    # Images
    data_dir: str = setting(".", "Folder that the other folders are relative to.", group="data")
    train_dir: str = setting("", "Folder of training images; photographs of scikit-image if empty.")
    validation_dir: str = setting("", "Folder of validation images, likewise.")
    test_dir: str = setting("", "Folder of test images, likewise.")
    sigma: Any = setting(
        25.0,
        "Standard deviation of the noise, for pixels from 0 to 255; or a range to draw each patch's from, as 0,55.",
        most=255,
        above=0,
        or_range=True,
    )
    test_sigma: float = setting(
        0.0, "That of validation and test images; 0 for --sigma, or the middle of its range.", least=0, most=255
    )
    channels: int = setting(1, "Channels of the images: 1 for grey, 3 for colour.", choices=(1, 3))

    # Network and training
    depth: int = setting(5, "Convolutions of DnCNN.", least=2, group="network")
    filters: int = setting(24, "Feature maps of DnCNN.", least=1)
    noise_map: bool = setting(False, "Give the network the standard deviation of the noise as a further channel.")
    patch_size: int = setting(24, "Height and width of the training patches.", least=1, group="data")
    patches_per_image: int = setting(384, "Training patches from each image.", least=1)
    crop_size: int = setting(0, "First crop each training image at random to this size; 0 does not.", least=0)
    epochs: int = setting(10, "Epochs of each round.", least=1, group="training")
    batch_size: int = setting(4, "Patches a training step.", least=1)
    learning_rate: float = setting(3e-3, "Adam's first learning rate.", above=0)
    learning_rate_drops: list = setting(
        [7, 9], "Epochs after which the learning rate is multiplied by 0.1.", least=1, list_of=int
    )
    schedule: str = setting(
        "steps",
        "How the learning rate falls: steps, by --learning_rate_drops; cosine, along half a cosine to 0; or one_cycle, "
        "likewise after it rose from a tenth over the first tenth of the steps.",
        choices=("steps", "cosine", "one_cycle"),
    )
    redraw_noise: bool = setting(False, "Draw the training noise anew in every epoch instead of once.")

    # What differs from other tasks' defaults
    influence: str = setting("lissa", INFLUENCE_HELP, choices=INFLUENCES)
    measure: str = setting("loss", MEASURE_HELP, choices=MEASURES)
    influence_depth: int = setting(500, "Most steps of the solver.", least=1)
    influence_batch_size: int = setting(32, "Patches per LiSSA step.", least=1)

    # Tests
    psnr: str = setting(
        "uint8", "Output clipped and rounded to 8 bits, or float.", choices=("uint8", "float"), group="output"
    )
    evaluate_only: bool = setting(False, "Only score --weights on the test images.")
    weights: str = setting(
        "",
        "DnCNN as a .keras model, or as .h5 or PyTorch .safetensors weights, to score with --evaluate_only; without it "
        "every training starts from them, batch normalization folded into the convolutions.",
    )

    @property
    def levels(self) -> tuple[float, float]:
        """The lowest and the highest standard deviation of the training noise."""
        low, high = self.sigma if isinstance(self.sigma, list) else (self.sigma, self.sigma)
        return low, high

    @property
    def measured_sigma(self) -> float:
        """The standard deviation of the noise of validation and test images."""
        return self.test_sigma or sum(self.levels) / 2

    def __post_init__(self):
        super().__post_init__()
        if self.evaluate_only and not self.weights:
            raise UserError("--weights=: needed by --evaluate_only")
