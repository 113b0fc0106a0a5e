"""The steps of a classification run, each resumable: training with a test after every epoch, and influence."""

from functools import partial

import keras
import numpy as np
from keras import layers
from scipy.special import softmax

from tfdrop.checkpoint import Pace, replace
from tfdrop.data.augmentation.evaluation_crops import centre_crop, ten_crop_model
from tfdrop.data.samples import mapped
from tfdrop.layers import FocusedDropout, Participation
from tfdrop.layers.rated_layer import RatedLayer
from tfdrop.tasks import devices
from tfdrop.tasks.classification.answers import wrong_answers
from tfdrop.tasks.classification.networks import (
    augments,
    classification_loss,
    copy_weights,
    optimizer,
    plain_network,
    training_network,
    uses_xla,
)
from tfdrop.tasks.influence_step import influence_as_set
from tfdrop.tasks.initial_weights import initial_seed
from tfdrop.tasks.replay_step import check_replayable, recorded_training
from tfdrop.training import Training
from tfdrop.training.resumable import train_resumably

TEST_BATCH = 500
EPOCH_OUTPUTS = "epoch{}.npy"
FEWEST_CLASSES_FOR_TOP_5 = 6


def train_classifier(
    settings, data, train, name, round, folder, pace=None, key="", record=False, sample_weights=None, outputs=None
):
    """Trains a network from scratch, or goes on with the training of that name; see `train_resumably`.

    Whatever augmentation and drop layers it has, it starts from the random weights that `initial_seed` says.

    Args:
        settings: `ClassifySettings`.
        data: `ClassifyData`, preprocessed, for the test after every epoch.
        train: Arrays `(x, y)` to train on.
        name: Name of the training.
        round: The round whose augmentation and drop layers it has.
        folder: Where its checkpoint and its record are.
        pace: A `tfdrop.checkpoint.Pace`: when to save and when to stop.
        key: Text that says what all trainings of the folder belong to; checkpoints of another key are refused.
        record, sample_weights: As `Training` takes them.
        outputs: Folder in which to keep the logits of the training images after each epoch, as `EPOCH_OUTPUTS`.

    Returns:
        The trained network, plain.
    """
    with devices.scope(settings):
        plain = plain_network(settings, train[0].shape[1:], len(data.classes))

    def after_epoch(network, records):
        copy_weights(network, plain)
        if (epoch := len(records) + 1) in settings.keep_epochs:
            replace(folder / kept_network(name, epoch), plain.save)
        values = measured_errors(settings, plain, data.test)
        if outputs is not None:
            logits = _logits(settings, plain, train[0])
            outputs.mkdir(parents=True, exist_ok=True)
            replace(outputs / EPOCH_OUTPUTS.format(epoch), lambda path: np.save(path, logits))
        if data.validation is not None:
            values["validation_error"] = measured_errors(settings, plain, data.validation)["test_error"]
        if settings.schedule == "plateau":
            errors = [*(record["validation_error"] for record in records), values["validation_error"]]
            network.optimizer.learning_rate = plateau_rate(settings, errors)
        for layer in network.layers:
            if isinstance(layer, FocusedDropout) and layer.kept_share is not None:
                values["kept_share"] = layer.kept_share
                layer.reset_kept_share()
        return values | strengths(settings, network)

    def build(network):
        network, training = _network_and_training(settings, data, train, name, round, network, record, sample_weights)
        check_replayable(training)
        return network, training

    network = train_resumably(name, key, build, folder, pace or Pace(), after_epoch, lambda: devices.scope(settings))
    copy_weights(network, plain)
    return plain


def kept_network(name, epoch=None):
    """Returns the file name of the network of a training: the final one, or as it was after an epoch.

    >>> kept_network("round 1"), kept_network("round 1", epoch=3)
    ('round_1.keras', 'round_1_epoch_3.keras')
    """
    return f"{name.replace(' ', '_')}{'' if epoch is None else f'_epoch_{epoch}'}.keras"


def strengths(settings, network):
    """Returns how strongly a network is regularized now: the weight decay of a step, on average, and the drop rate."""
    decay = settings.weight_decay
    if settings.magnified_weight_decay:
        decay += settings.participation_rate * (settings.magnified_weight_decay - decay)
    rates = [
        layer.rate
        for layer in network.layers
        if isinstance(layer, RatedLayer | layers.Dropout) and not isinstance(layer, Participation)
    ]
    # Where a placement has layers of several rates, they are shares of the greatest.
    return {"weight_decay": decay} | ({"drop_rate": max(rates)} if rates else {})


def recorded_classifier(settings, data, train, name, round, record, pace, key, sample_weights=None):
    """Returns the finished `Training` whose record is in a folder, and its network; trains where there is none.

    Args:
        settings, data, train, name, round, pace, key, sample_weights: As for `train_classifier`.
        record: The folder.
    """

    def build():
        with devices.scope(settings):
            return _network_and_training(settings, data, train, name, round, None, record, sample_weights)

    def train_again(folder):
        train_classifier(settings, data, train, name, round, folder, pace, key, record, sample_weights)

    return recorded_training(build, train_again, record)


def _network_and_training(settings, data, train, name, round, network, record, sample_weights=None):
    """Returns a network with its `Training`: a new network, if none is given to go on with."""
    x, y = seen_in_training(settings, train, round)
    steps_per_epoch = -(-len(y) // settings.batch_size)
    if network is None:
        keras.utils.set_random_seed(settings.seed)
        steps = settings.epochs * steps_per_epoch
        start = initial_seed(settings, name)
        network = training_network(settings, x.shape[1:], len(data.classes), round, steps, start)
        network = devices.normalized_together(settings, network)
        network.compile(optimizer(settings, steps_per_epoch), classification_loss(), jit_compile=uses_xla(settings))
    training = Training(
        network,
        network.optimizer,
        network.loss,
        (x, y),
        settings.batch_size,
        settings.epochs,
        settings.seed,
        sample_weights,
        record=record,
        jit_compile=uses_xla(settings),
    )
    return network, training


def seen_in_training(settings, samples, round):
    """Returns `(x, y)` as a round's network takes them: whole where it augments them itself, else the part it sees."""
    x, y = samples
    return (x if augments(settings, round) else centred(settings, x)), y


def plateau_rate(settings, errors):
    """Returns the learning rate after epochs with these errors: lowered whenever `patience` have had none lower."""
    rate, lowest, waited = settings.learning_rate, float("inf"), 0
    for error in errors:
        lowest, waited = (error, 0) if error < lowest else (lowest, waited + 1)
        if waited == settings.patience:
            rate, waited = rate * settings.learning_rate_factor, 0
    return rate


def centred(settings, images):
    """Returns the part of images that a network sees without augmentation: the centre where crops are trained on."""
    if not settings.crop_size:
        return images
    return mapped(partial(centre_crop, size=settings.crop_size), images)


def measured_errors(settings, plain, test):
    """Returns the shares of wrong answers in percent, by name: top-1, and top-5 where there are more classes."""
    x, y = test
    if settings.test_crops > 1:
        with devices.scope(settings):
            probabilities = keras.Model(plain.inputs, layers.Softmax()(plain.outputs[0]))
            tested = ten_crop_model(probabilities, x.shape[1])
    else:
        tested, x = plain, centred(settings, x)
    tested.jit_compile = uses_xla(settings)
    answers = devices.predicted(tested, x, min(TEST_BATCH, len(x)))
    errors = {"test_error": _percent(wrong_answers(answers, y))}
    if answers.shape[1] >= FEWEST_CLASSES_FOR_TOP_5:
        errors["test_top5_error"] = _percent(wrong_answers(answers, y, k=5))
    return errors


def _percent(wrong):
    return 100.0 * float(np.mean(wrong))


def probabilities(settings, plain, x):
    """Returns the probabilities that a network gives to the classes of preprocessed images, shape `(n, classes)`."""
    return softmax(_logits(settings, plain, x).astype("float64"), axis=1)


def _logits(settings, plain, x):
    plain.jit_compile = uses_xla(settings)
    return devices.predicted(plain, centred(settings, x), min(TEST_BATCH, len(x)))


def classifier_influence(settings, plain, train, validation, checkpoint, sample_weights=None):
    """Returns the `Influence` of every training image; see `influence_as_set`."""
    train, validation = ((centred(settings, x), y) for x, y in (train, validation))
    train = train if sample_weights is None else (*train, sample_weights)
    return influence_as_set(settings, plain, train, validation, classification_loss(), checkpoint)
