"""The images that a classification run reads, and what is done to them before any network sees them."""

import hashlib
from typing import Any, NamedTuple

import numpy as np

from tfdrop.data.preprocessing.standardization import fit_channels, fit_pixel_mean
from tfdrop.data.preprocessing.whitening import fit_whitening
from tfdrop.data.samples import is_streamed, mapped
from tfdrop.data.sets.named import load_image_set
from tfdrop.data.sets.splits import Split, draw_stratified, split_for_validation
from tfdrop.errors import UserError, blaming
from tfdrop.tasks.classification.class_weights import class_weights
from tfdrop.tasks.drop_list import read_drop_list
from tfdrop.tasks.ranking import check_ranking

PARTS = ("train", "validation", "test", "held_out")
IN_MEMORY = {"auto": None, "always": True, "never": False}
FEWEST_HELD_OUT = 20
ORDER_OF_HELD_OUT = 6  # the number of this draw's stream
FIT: dict[str, Any] = {"standardization": fit_channels, "pixel_mean": fit_pixel_mean, "whitening": fit_whitening}


class ClassifyData(NamedTuple):
    """What a run reads, as it comes: uint8 images, in arrays or `StreamedImages`, and integer labels.

    Attributes:
        train: Arrays `(x, y)`.
        validation: Arrays `(x, y)`, or `None`.
        held_out: The validation images that measure how many to drop, arrays `(x, y)`; `None` where that is set.
        test: Arrays `(x, y)`.
        samples: For each training sample its index in the data set's training part.
        classes: The classes' names.
        notes: Sentences about how the set was read that a user should see.
        files: For each training sample the name of its file; `None` where there are none.
    """

    train: tuple
    validation: tuple | None
    test: tuple
    samples: np.ndarray
    classes: tuple
    held_out: tuple | None = None
    notes: tuple = ()
    files: np.ndarray | None = None

    def with_training(self, chosen):
        """Returns the data with some of the training samples alone: a Boolean array, or indices."""
        files = None if self.files is None else self.files[chosen]
        train = tuple(part[chosen] for part in self.train)
        return self._replace(train=train, samples=self.samples[chosen], files=files)

    def fingerprint(self):
        """Returns a text that other pixels or labels would change."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.test, self.held_out):
            for array in part or ():
                digest.update(repr((array.shape, array.dtype)).encode())
                digest.update(array.fingerprint() if is_streamed(array) else np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]


def read_data(settings):
    """Reads and divides the images; a `UserError` names the flag of what is wrong."""
    with blaming("dataset", settings.dataset):
        image_set = load_image_set(
            settings.dataset,
            settings.data_dir or None,
            settings.image_size or None,
            settings.download,
            settings.skip_unreadable,
            IN_MEMORY[settings.in_memory],
        )
    split = _split(image_set, settings)
    names = image_set.training_names
    files = None if names is None else names[split.samples]
    notes = (*image_set.notes, *(f"--dataset: not read: {file}" for file in image_set.unreadable))
    data = ClassifyData(**split._asdict(), classes=image_set.classes, notes=notes, files=files)
    if settings.train_samples:
        with blaming("train_samples", settings.train_samples):
            data = data.with_training(draw_stratified(data.train[1], settings.train_samples, settings.seed))
    if settings.chooses_cap:
        data = _divided_validation(data, settings)
    if settings.drop_list:
        with blaming("drop_list", settings.drop_list):
            data = _without_dropped(data, settings.drop_list)
    _check(settings, data.train[0].shape)
    check_ranking(settings.rank_by)
    class_weights(settings.class_weight, data.train[1], data.classes)
    return data


def _divided_validation(data, settings):
    """Returns the data with half of the validation images held out, each class its share; all, if nothing asks them."""
    x, y = data.validation
    if not settings.asks_validation:
        settings.check_held_out(len(y), FEWEST_HELD_OUT, parts=1)
        return data._replace(held_out=data.validation)
    settings.check_held_out(len(y), FEWEST_HELD_OUT)
    held = draw_stratified(y, len(y) // 2, (settings.seed, ORDER_OF_HELD_OUT))
    others = np.setdiff1d(np.arange(len(y)), held)
    return data._replace(validation=(x[others], y[others]), held_out=(x[held], y[held]))


def _without_dropped(data, path):
    """Returns the data without the training images that a list drops.

    Raises:
        ValueError: If the list cannot be read, or leaves nothing of a class.
    """
    names = {"index": data.samples} | ({} if data.files is None else {"file": data.files})
    kept = ~read_drop_list(path, names)
    labels = data.train[1]
    emptied = np.setdiff1d(labels, labels[kept])
    if len(emptied):
        raise ValueError(f"expected at least one image of each class. Received: none of {data.classes[emptied[0]]!r}")
    return data.with_training(kept)


def _split(image_set, settings):
    counts = settings.validation_samples
    if counts == [0]:
        train = image_set.train
        if image_set.extra is not None:
            x, y = (np.concatenate(arrays) for arrays in zip(train, image_set.extra, strict=True))
            train = (x, y)
        return Split(train, None, image_set.test, np.arange(len(train[1])))
    numbers = tuple(counts) if len(counts) > 1 else (counts[0] if counts else None)
    with blaming("validation_samples", ",".join(map(str, counts))):
        return split_for_validation(image_set, numbers, settings.seed)


def _check(settings, shape):
    samples, height, width, channels = shape
    if settings.batch_size > samples:
        raise UserError(f"--batch_size={settings.batch_size}: more than the {samples} training images")
    if settings.crop_size > min(height, width):
        raise UserError(f"--crop_size={settings.crop_size}: larger than the images, {height}x{width}")
    if settings.augment == "lighting" and channels != 3:
        raise UserError(f"--augment=lighting: for 3 channels, the images have {channels}")


def preprocessed(settings, data):
    """Returns the data as float32, preprocessed as the settings say, and the fitted preprocessing."""
    preprocess = FIT[settings.preprocessing](data.train[0])

    def apply(part):
        return None if part is None else (mapped(lambda x: np.asarray(preprocess(x), "float32"), part[0]), part[1])

    return data._replace(**{name: apply(getattr(data, name)) for name in PARTS}), preprocess
