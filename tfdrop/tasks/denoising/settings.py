"""What a denoising run depends on. No deep-learning backend is needed to check it."""

from dataclasses import dataclass

from tfdrop.tasks.settings import setting


@dataclass(frozen=True)
class DenoiseSettings:
    """Everything that a run depends on. The defaults are the small embedded run."""

    data_dir: str = setting(".", "Folder that the other folders are relative to.")
    train_dir: str = setting("", "Folder of training images; photographs of scikit-image if empty.")
    validation_dir: str = setting("", "Folder of validation images, likewise.")
    test_dir: str = setting("", "Folder of test images, likewise.")
    sigma: float = setting(25.0, "Standard deviation of the noise, for pixels from 0 to 255.", most=255, above=0)
    depth: int = setting(5, "Convolutions of DnCNN.", least=2)
    filters: int = setting(24, "Feature maps of DnCNN.", least=1)
    patch_size: int = setting(24, "Height and width of the training patches.", least=1)
    patches_per_image: int = setting(768, "Training patches from each image.", least=1)
    crop_size: int = setting(0, "First crop each training image at random to this size; 0 does not.", least=0)
    epochs: int = setting(10, "Epochs of each round.", least=1)
    batch_size: int = setting(4, "Patches a training step.", least=1)
    learning_rate: float = setting(3e-3, "Adam's first learning rate.", above=0)
    learning_rate_drops: list = setting(
        [7, 9], "Epochs after which the learning rate is multiplied by 0.1.", least=1, list_of=int
    )
    rounds: int = setting(2, "Rounds of training, with data dropout between them.", least=1)
    augment_from_round: int = setting(2, "First round with flips and rotations; 0 for never.", least=0)
    max_drop_share: float = setting(
        0.03, "Cap on the share of patches dropped after a round; 1 for none.", least=0, most=1
    )
    influence_curvature: str = setting(
        "gauss_newton", "Matrix that influence inverts.", choices=("gauss_newton", "hessian")
    )
    influence_damping: str = setting("auto", "Number added to its eigenvalues, or auto.")
    influence_solver: str = setting("lissa", "What inverts it; cg is conjugate gradients.", choices=("lissa", "cg"))
    influence_depth: int = setting(500, "Most steps of a LiSSA run, or of cg.", least=1)
    influence_repeats: int = setting(1, "LiSSA runs that are averaged.", least=1)
    influence_batch_size: int = setting(32, "Patches a LiSSA step.", least=1)
    redraw_noise: bool = setting(False, "Draw the training noise anew in every epoch instead of once.")
    precision: str = setting("float32", "Precision of the convolutions.", choices=("float32", "mixed_bfloat16"))
    psnr: str = setting("uint8", "Output clipped and rounded to 8 bits, or float.", choices=("uint8", "float"))
    seed: int = setting(0, "Seed of patches, their noise, initial weights and order.", least=0, most=2**32 - 1)
    workdir: str = setting("", "Folder of the run; a new one under runs/ if empty.")
    evaluate_only: bool = setting(False, "Only score --weights on the test images.")
    weights: str = setting("", "With --evaluate_only: a .keras model or legacy .h5 weights of DnCNN.")
