"""What a classification run depends on. No deep-learning backend is needed to check it."""

import math
from dataclasses import dataclass
from typing import Any

from tfdrop.errors import UserError, unknown
from tfdrop.models.activations import ACTIVATIONS
from tfdrop.models.placements import PLACEMENTS
from tfdrop.models.sizes import NETWORKS
from tfdrop.tasks.classification.drop_layers import DROPS, check_drop
from tfdrop.tasks.classification.held_out import BRIER, HELD_OUT_MEASURES
from tfdrop.tasks.fields import setting
from tfdrop.tasks.ranking import AUTO, INFLUENCE_RANKING, OF_OUTPUTS, RANKINGS, TRIED_RANKINGS
from tfdrop.tasks.settings import INFLUENCE_HELP, INFLUENCES, MEASURE_HELP, MEASURES, RunSettings

PREPROCESSING = ("standardization", "whitening", "pixel_mean")
AUGMENTATIONS = ("none", "flip", "crop", "translation", "lighting")
NAMES: dict[str, Any] = {"model": NETWORKS, "drop": DROPS, "test_drop": DROPS, "placement": PLACEMENTS}


@dataclass(frozen=True)
class ClassifySettings(RunSettings):
    """Everything that a run depends on. The defaults are the small embedded run.

    What is `None` belongs to some kinds of drop layer only (`tfdrop.tasks.classification.drop_layers`), which
    give its usual value.
    """

    # Images
    dataset: str = setting(
        "digits", "A name of TensorFlow Datasets, a folder of class folders, an .npz file, or digits.", group="data"
    )
    data_dir: str = setting("", "Folder that holds the data sets; that of TensorFlow Datasets if empty.")
    download: bool = setting(False, "Let TensorFlow Datasets download and prepare a set that is not there.")
    in_memory: str = setting(
        "auto",
        "Whether all images are held in memory, or each is read whenever it is needed: always, never, or auto, which "
        "reads what would take more than 2 GiB.",
        choices=("auto", "always", "never"),
        before="always",
    )
    image_size: int = setting(0, "Resize images to squares of this size; 0 takes them as they are.", least=0)
    train_samples: int = setting(0, "Train on so many images only, each class its share; 0 for all.", least=0)
    drop_list: str = setting("", "Train without the images that this file drops: a run's dropped.csv, edited or not.")
    validation_samples: list = setting(
        [], "Training images set aside, for SVHN two numbers; the papers' if empty, 0 for none.", least=0, list_of=int
    )
    preprocessing: str = setting("standardization", "How images are preprocessed.", choices=PREPROCESSING)
    augment: str = setting("none", "Augmentation of the training images.", choices=AUGMENTATIONS)
    crop: str = setting(
        "resized",
        "Crops of --crop_size: resized, of random area and shape; or fixed, of that size as it is.",
        choices=("resized", "fixed"),
    )
    crop_size: int = setting(0, "Train on random crops of this size, test on the centre; 0 for none.", least=0)
    test_crops: int = setting(1, "Crops that are averaged over in testing: 1 or 10.", choices=(1, 10))

    # Network
    model: str = setting("resnet8", "Name of the network; --list_models prints them.", group="network")
    activation: str = setting(
        "gelu",
        "Its activations: relu, as in the papers; or gelu or silu, with which a replay foretells more.",
        choices=ACTIVATIONS,
        before="relu",
    )
    drop: str = setting("select_scale", "Kind of the drop layers.")
    placement: str | None = setting(None, "Where the drop layers stand; as in the layer's paper by default.", kind=str)
    rate: float | None = setting(None, "How strongly they drop; 0 does not.", least=0, most=1, kind=float)
    top_rate: float | None = setting(
        None, "Share of the maps that selectout and select_scale choose from.", above=0, most=1, kind=float
    )
    pool_size: str | None = setting(
        None,
        "Side of the windows whose average activations selectout and select_scale score maps by, or global; the "
        "greatest activation if empty.",
        kind=str,
    )
    pool_strides: int | None = setting(None, "Stride of those windows; their side if 0.", least=0, kind=int)
    block_size: int | None = setting(None, "Side of drop_block's blocks.", least=1, kind=int)
    gamma: list | None = setting(
        None,
        "focused_dropout's threshold, or the two numbers between which it is drawn.",
        least=0,
        most=1,
        list_of=float,
    )
    gamma_per: str | None = setting(
        None, "focused_dropout draws it for each sample, or each unit.", choices=("sample", "unit"), kind=str
    )
    inverted: bool = setting(False, "Drop the focused area instead: focused_dropout's opposite approach.")
    participation_rate: float | None = setting(
        None, "Share of the batches in which focused_dropout takes part.", least=0, most=1, kind=float
    )
    magnified_weight_decay: float = setting(0.0, "Weight decay in those batches; 0 for that of the others.", least=0)
    curriculum: float = setting(
        0.0, "Share of the training over which the rate rises from 0 in a straight line; 0 for none.", least=0, most=1
    )
    drop_until_round: int = setting(0, "Last round with drop layers; 0 for all.", least=0)
    test_drop: str = setting("none", "Also test the last model with drop layers of this kind at work.")
    test_rates: list = setting([], "Their rates, one test each.", least=0, most=1, list_of=float)

    # What else is kept
    keep_epochs: list = setting(
        [],
        "Also keep the networks as they are after these epochs: for class activation maps over epochs.",
        least=1,
        list_of=int,
        group="output",
    )

    # Data dropout
    rank_by: str | None = setting(
        None,
        "What the images are dropped by: influence; what a training gives away of them, loss, el2n, aum (area under "
        "the margin) or forgetting; self_influence; confident_learning, which needs cleanlab; random; or auto, "
        "the one of influence and el2n that the trials of --max_drop=auto find best. Influence by default, and auto "
        "with --max_drop=auto.",
        choices=(*RANKINGS, AUTO),
        kind=str,
        group="data dropout",
    )
    trial_measure: str = setting(
        "error",
        "What the trials of --max_drop=auto measure: error, how many answers are wrong, which wrong labels of the "
        "images held out shift alike for all; or brier, the Brier score, which asks for sure answers on right labels "
        "and unsure ones on wrong labels.",
        choices=tuple(HELD_OUT_MEASURES),
        before=BRIER,
    )
    curve: list = setting(
        [],
        "Percents, as 1,3,10: also train without the worst so many of the images, and without as many random ones.",
        least=0,
        most=99,
        list_of=float,
    )
    influence: str = setting("replay", INFLUENCE_HELP, choices=INFLUENCES)
    measure: str = setting("expected_error", MEASURE_HELP, choices=MEASURES)

    # Training
    epochs: int = setting(10, "Epochs of each round.", least=1, group="training")
    batch_size: int = setting(32, "Images a training step.", least=1)
    optimizer: str = setting("sgd", "Optimizer.", choices=("sgd", "nesterov", "adam"))
    momentum: float = setting(0.9, "Momentum of sgd and nesterov.", least=0, most=1)
    learning_rate: float = setting(0.05, "First learning rate.", above=0)
    schedule: str = setting("steps", "How the learning rate falls.", choices=("constant", "steps", "cosine", "plateau"))
    learning_rate_drops: list = setting(
        [0.5, 0.75],
        "Epochs after which steps lowers it; numbers below 1 are shares of all epochs.",
        above=0,
        list_of=float,
    )
    learning_rate_factor: float = setting(0.1, "What steps and plateau multiply it by.", above=0, most=1)
    patience: int = setting(3, "Epochs without a lower validation error before plateau lowers it.", least=1)
    class_weight: str = setting(
        "",
        "Weights of the classes' losses: balanced, for the inverse of how many images each has; or names with numbers, "
        "cat=2,dog=0.5; 1 for the others.",
    )
    weight_decay: float = setting(1e-4, "Term d * w in the gradient of the kernels.", least=0)
    jit: str = setting("auto", "Compile with XLA; auto does on accelerators.", choices=("auto", "on", "off"))

    def __post_init__(self):
        if self.rank_by is None:
            of_trials = self.chooses_cap and not self.count_last and not self.curve
            object.__setattr__(self, "rank_by", AUTO if of_trials else INFLUENCE_RANKING)
        super().__post_init__()
        for name, known in NAMES.items():
            if (value := getattr(self, name)) is not None and value not in known:
                raise unknown(name, value, known)
        check_drop(self)
        self._check_ranking()
        if self.curve and (self.rounds != 2 or not self.controls):
            raise UserError(f"--curve={','.join(map('{:g}'.format, self.curve))}: for two rounds, with --controls")
        self._check_augmentation()
        self._check_validation()
        self._check_kept_epochs()

    @property
    def rankings(self) -> tuple[str, ...]:
        """The rankings that the first training is asked for."""
        return TRIED_RANKINGS if self.rank_by == AUTO else (self.rank_by or INFLUENCE_RANKING,)

    @property
    def scores_by_replay(self) -> bool:
        return INFLUENCE_RANKING in self.rankings and super().scores_by_replay

    @property
    def tried_rankings(self) -> tuple[str, ...]:
        return self.rankings if self.rank_by == AUTO else super().tried_rankings

    @property
    def asks_validation(self) -> bool:
        """Whether a score or a learning rate comes from the validation images, which then cannot measure, too."""
        return INFLUENCE_RANKING in self.rankings or self.schedule == "plateau"

    @property
    def averages_over_seeds(self) -> bool:
        return all(self.influence == "replay" if by == INFLUENCE_RANKING else by in OF_OUTPUTS for by in self.rankings)

    def threshold_of(self, ranking: str = "") -> float:
        return 0.0 if (ranking or self.rank_by) == INFLUENCE_RANKING else -math.inf

    def _check_ranking(self):
        if self.rank_by != INFLUENCE_RANKING:
            for name, given in {"--max_drop=1": self.max_drop == 1, "--count_last": self.count_last}.items():
                if given:
                    raise UserError(f"{name}: only --rank_by={INFLUENCE_RANKING} tells which are unfavorable")
        if self.rank_by == "self_influence" and self.damping == 0:
            raise UserError("--influence_damping=0: --rank_by=self_influence needs more than 0")
        if self.rank_by == AUTO and not self.chooses_cap:
            raise UserError(f"--rank_by={AUTO}: needs the trials of --max_drop=auto")
        if self.rank_by == AUTO and self.curve:
            raise UserError(f"--rank_by={AUTO}: not with --curve, which shows one ranking")

    def _check_augmentation(self):
        if self.augment != "none" and not 0 < self.augment_from_round <= self.rounds:
            raise UserError(
                f"--augment={self.augment}: never, with --rounds={self.rounds} and "
                f"--augment_from_round={self.augment_from_round}"
            )
        if self.augment == "lighting" and self.preprocessing != "pixel_mean":
            raise UserError("--augment=lighting: its colours are for --preprocessing=pixel_mean")
        if self.crop_size and self.augment == "none":
            raise UserError(f"--crop_size={self.crop_size}: random crops need an --augment")
        if self.test_crops > 1 and not self.crop_size:
            raise UserError(f"--test_crops={self.test_crops}: needs a --crop_size")

    def _check_validation(self):
        if self.validation_samples == [0]:
            wants = {"rounds": self.rounds > 1, "count_last": self.count_last}
            wants["schedule"] = self.schedule == "plateau"
            for name, needed in wants.items():
                if needed:
                    raise UserError(f"--validation_samples=0: --{name}={getattr(self, name)} needs some")

    def _check_kept_epochs(self):
        shown = ",".join(map(str, self.keep_epochs))
        if self.keep_epochs and max(self.keep_epochs) > self.epochs:
            raise UserError(f"--keep_epochs={shown}: expected at most --epochs={self.epochs}")
        if self.keep_epochs and self.chooses_cap:
            raise UserError(f"--keep_epochs={shown}: not with --max_drop=auto, whose trials would be kept, too")
