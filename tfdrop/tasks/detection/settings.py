"""What a detection run depends on. No deep-learning backend is needed to check it."""

from dataclasses import dataclass

from tfdrop.detection.annotations import CLASSES
from tfdrop.detection.voc import split_part
from tfdrop.errors import UserError, blaming
from tfdrop.tasks.fields import check_fields, setting

VOC = "voc"  # the data set as TensorFlow Datasets has it


@dataclass(frozen=True)
class DetectSettings:
    """Everything that a run depends on. The defaults are those of RetinaNet's paper, on VOC.

    Raises:
        UserError: If a value is out of its range; the message names the flag.
    """

    # Images
    dataset: str = setting(
        VOC, "voc, as TensorFlow Datasets prepares it, or a folder that holds VOC2007 and others.", group="data"
    )
    data_dir: str = setting("", "Folder of prepared data sets; that of TensorFlow Datasets if empty.")
    train: str = setting("2007/trainval,2012/trainval", "What to train on: years and lists.")
    test: str = setting("2007/test", "What to test on.")
    classes: str = setting("", "Names of the classes, a,b,c; those of VOC if empty.")
    image_size: int = setting(
        800, "Side of the squares that images are resized to fit into, a multiple of the network's stride.", least=8
    )
    mirror: bool = setting(True, "Mirror half of the training images.")
    skip_unreadable: bool = setting(False, "Go on without the image files that cannot be read, and list them.")

    # Network
    classifier: str = setting(
        "", "Folder of a finished run of tfdrop-classify, or its classifier.keras.", group="network"
    )
    frozen_groups: int = setting(
        2, "Groups of its layers at the beginning, the stem being the first, that are not trained.", least=0
    )
    head_convolutions: int = setting(4, "Convolutions of each head before its last one.", least=1)
    anchor_size: float = setting(4.0, "Side of the smallest anchors, as a multiple of their maps' stride.", above=0)

    # Training
    epochs: int = setting(12, "Epochs.", least=1, group="training")
    batch_size: int = setting(16, "Images a training step.", least=1)
    optimizer: str = setting("sgd", "Optimizer.", choices=("sgd", "adam"))
    momentum: float = setting(0.9, "Momentum of sgd.", least=0, most=1)
    learning_rate: float = setting(0.01, "First learning rate.", above=0)
    warmup_steps: int = setting(500, "Steps over which it rises to that from a third.", least=0)
    learning_rate_drops: list = setting(
        [0.667, 0.889], "Shares of the training after which it falls to a tenth.", above=0, most=1, list_of=float
    )
    weight_decay: float = setting(1e-4, "Term d * w in the gradient of the kernels.", least=0)
    seed: int = setting(0, "Seed of everything random in the run.", least=0, most=2**31 - 1)

    # Output
    test_every: int = setting(1, "Epochs between tests; 0 tests after the last one only.", least=0, group="output")
    pictures: int = setting(12, "Test images to show with what is found on them.", least=0)
    workdir: str = setting("", "Folder of the run; a new one under runs/ if empty.")

    def __post_init__(self):
        check_fields(self)
        for name in ("train", "test"):
            with blaming(name, value := getattr(self, name)):
                for part in value.split(","):
                    split_part(part)
        if len(set(self.class_names)) != len(self.class_names) or "" in self.class_names:
            raise UserError(f"--classes={self.classes}: expected different names, a,b,c")

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes' names."""
        return tuple(self.classes.split(",")) if self.classes else CLASSES
