"""What a recipe will cost, estimated from its settings without building anything."""

from tfdrop.models.sizes import NETWORKS
from tfdrop.tasks.classification.settings import ClassifySettings

# Training images, and their side.
DATASETS = {
    "digits": (1_437, 8),
    "mnist": (60_000, 28),
    "cifar10": (50_000, 32),
    "cifar100": (50_000, 32),
    "svhn_cropped": (604_388, 32),
    "tiny-imagenet-200": (100_000, 64),
    "imagenet2012": (1_281_167, 224),
}
# Taken for a GPU of an H200's class in float32 with tensor cores; not measured.
FLOPS = 40e12
SECONDS_PER_LAYER = 1e-4


def training_minutes(settings):
    """Estimates the minutes that one training takes on a GPU, all its epochs.

    A step takes as long as its arithmetic, forward and twice that backward, but no less than the launches of its
    layers' kernels.

    Args:
        settings: Values of fields of `ClassifySettings`, those of a data set and a network that are known here.
    """
    settings = ClassifySettings(**settings)
    images, side = DATASETS[settings.dataset]
    images = settings.train_samples or images - sum(settings.validation_samples or [images // 10])
    millions, layers = NETWORKS[settings.model]
    side = settings.crop_size or side
    area = (side / (224 if settings.model.endswith("_imagenet") else 32)) ** 2
    step = 3 * 2 * 1e6 * millions * area * settings.batch_size / FLOPS
    steps = settings.epochs * images / settings.batch_size
    return steps * max(step, layers * SECONDS_PER_LAYER) / 60


def trainings(settings):
    """Counts the trainings of one run: the rounds and, where there are several, the two controls."""
    settings = ClassifySettings(**settings)
    return settings.rounds + (2 if settings.rounds > 1 and settings.controls else 0)


def training_cost(settings):
    """Returns the text of what a run's trainings cost; influence comes on top where there are rounds."""
    count, minutes = trainings(settings), training_minutes(settings)
    duration = f"{minutes:.0f} minutes" if minutes < 100 else f"{minutes / 60:.0f} hours"
    times = f"{count} x " if count > 1 else ""
    return f"about {times}{duration} of a large GPU (an estimate)"
