"""The images that a detection run reads, all looked at once before anything is trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tfdrop.detection.annotations import Annotated, fingerprint
from tfdrop.detection.images import readable
from tfdrop.detection.prepared import list_prepared
from tfdrop.detection.voc import list_voc
from tfdrop.errors import UserError, blaming
from tfdrop.tasks.detection.settings import VOC, DetectSettings


class DetectData(NamedTuple):
    """What a run reads.

    Attributes:
        train: The `Annotated` images to train on.
        test: Those to test on.
        classes: The classes' names.
        unreadable: A text for each image file that cannot be read, of both parts.
    """

    train: Sequence[Annotated]
    test: Sequence[Annotated]
    classes: tuple[str, ...]
    unreadable: tuple[str, ...]

    def fingerprint(self) -> str:
        """Returns a text that is another one for other images or boxes."""
        return fingerprint([self.train, self.test])


def read_data(settings: DetectSettings) -> DetectData:
    """Reads the annotations, and every image once.

    Raises:
        UserError: If files are missing or cannot be read, or annotations are wrong.
    """
    train = [image for part in settings.train.split(",") for image in _part(settings, "train", part)]
    test = [image for part in settings.test.split(",") for image in _part(settings, "test", part)]
    if not any((~image.objects.difficult).any() for image in train):
        raise UserError(f"--train={settings.train}: the images have no objects")
    with blaming("dataset", settings.dataset):
        # All at once, so that one message names all files that cannot be read.
        kept, unreadable = readable([*train, *test], settings.skip_unreadable)
    whole = {id(image) for image in kept}
    parts = [[image for image in part if id(image) in whole] for part in (train, test)]
    for name, part in zip(("train", "test"), parts, strict=True):
        if not part:
            raise UserError(f"--{name}={getattr(settings, name)}: none of the images can be read")
    return DetectData(parts[0], parts[1], settings.class_names, tuple(unreadable))


def _part(settings, flag, part):
    if settings.dataset == VOC:
        with blaming(flag, part):
            return list_prepared(part, settings.data_dir or None, settings.class_names)
    folder = Path(settings.dataset).expanduser()
    if not folder.is_dir():
        raise UserError(f"--dataset={settings.dataset}: expected {VOC}, or a folder that holds VOC2007")
    with blaming("dataset", settings.dataset):
        return list_voc(folder, part, settings.class_names)
