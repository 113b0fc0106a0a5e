"""The networks of a classification run: with what acts in training only, and without."""

import keras
from keras import layers

from tfdrop import schedules
from tfdrop.data.augmentation.crop import RandomCrop
from tfdrop.data.augmentation.policies import augmentation
from tfdrop.data.augmentation.resized_crop import RandomResizedCrop
from tfdrop.layers import (
    DropBlock2D,
    FocusedDropout,
    MagnifiedWeightDecay,
    Participation,
    ScheduledDropout,
    Selectout,
    SelectScale,
    SpatialScale,
)
from tfdrop.models import build, placement
from tfdrop.training.loop import compiles_with_xla


def augments(settings, round):
    """Tells whether a round's images are augmented."""
    return settings.augment != "none" and round >= settings.augment_from_round


def drops(settings, round):
    """Tells whether a round's network has drop layers."""
    return settings.drop != "none" and (not settings.drop_until_round or round <= settings.drop_until_round)


def training_network(settings, image_shape, classes, round, steps, initial_seed=None):
    """Builds a network as it is trained: with augmentation, drop layers, and weight decay that may be magnified.

    Args:
        settings: `ClassifySettings`.
        image_shape: Height, width and channels.
        classes: Number of classes.
        round: The round's number.
        steps: Number of steps of the whole training, for a rate that rises.
        initial_seed: Seed of the initial weights, which depend on it and the layers' names alone.
    """
    input_layers, decay, drop, participation = [], settings.weight_decay, None, None
    if settings.participation_rate is not None and (settings.magnified_weight_decay or drops(settings, round)):
        participation = Participation(settings.participation_rate)
        input_layers.append(participation)
        if settings.magnified_weight_decay:
            decay = MagnifiedWeightDecay(participation, settings.weight_decay, settings.magnified_weight_decay)
    if augments(settings, round):
        if settings.crop_size:
            input_layers.append((RandomCrop if settings.crop == "fixed" else RandomResizedCrop)(settings.crop_size))
        input_layers += augmentation(settings.augment)
    if drops(settings, round):
        drop = placement(settings.placement, lambda factor: _drop_layer(settings, factor, steps, participation))
    dtype = "mixed_bfloat16" if settings.mixed_precision else None
    return build(
        settings.model, image_shape, classes, drop, decay, input_layers, dtype, initial_seed, settings.activation
    )


def plain_network(settings, image_shape, classes, drop=None):
    """Builds a network as it is tested, saved and differentiated: in float32, with nothing but plain weight decay.

    It is of Keras's own layers alone, and so loads where tfdrop is not installed.
    """
    side = settings.crop_size
    shape = (side, side, image_shape[-1]) if side else image_shape
    return build(
        settings.model,
        shape,
        classes,
        drop,
        settings.weight_decay,
        dtype="float32",
        activation=settings.activation,
    )


def copy_weights(source, target):
    """Gives a network the weights of another one's layers of the same names; drop layers have none to give."""
    sources = {layer.name: layer for layer in source.layers}
    for layer in target.layers:
        if layer.trainable_variables:
            layer.set_weights(sources[layer.name].get_weights())


def classification_loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def optimizer(settings, steps_per_epoch):
    """Returns the optimizer, with the schedule of its learning rate."""
    rate = _learning_rate(settings, steps_per_epoch)
    if settings.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.SGD(rate, momentum=settings.momentum, nesterov=settings.optimizer == "nesterov")


def uses_xla(settings):
    """Tells whether to compile with XLA."""
    return compiles_with_xla() if settings.jit == "auto" else settings.jit == "on"


def _learning_rate(settings, steps_per_epoch):
    first = settings.learning_rate
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(first, settings.epochs * steps_per_epoch)
    epochs = {round(drop * settings.epochs) if drop < 1 else int(drop) for drop in settings.learning_rate_drops}
    drops = sorted(epoch for epoch in epochs if 0 < epoch < settings.epochs)
    if settings.schedule != "steps" or not drops:
        return first
    rates = [first * settings.learning_rate_factor**power for power in range(len(drops) + 1)]
    last_steps = [epoch * steps_per_epoch - 1 for epoch in drops]  # steps count from 0
    return keras.optimizers.schedules.PiecewiseConstantDecay(last_steps, rates)


def _drop_layer(settings, factor, steps, participation):
    """Makes a drop layer whose rate is multiplied by a factor."""
    if settings.drop == "focused_dropout":
        gamma = settings.gamma if len(settings.gamma) == 2 else settings.gamma[0]
        return FocusedDropout(gamma, participation, gamma_per=settings.gamma_per, inverted=settings.inverted)
    rate = factor * settings.rate
    if settings.curriculum:
        rate = schedules.linear(0.0, rate, max(1, round(settings.curriculum * steps)))
    return rated_layer(settings.drop, rate, settings)


def rated_layer(kind, rate, settings):
    """Makes a drop layer of a kind that has a rate."""
    match kind:
        case "dropout":
            return ScheduledDropout(rate) if callable(rate) else layers.Dropout(rate)
        case "spatial_dropout":
            return ScheduledDropout(rate, spatial=True) if callable(rate) else layers.SpatialDropout2D(rate)
        case "drop_block":
            return DropBlock2D(rate, settings.block_size)
        case "spatial_scale":
            return SpatialScale(rate)
        case "selectout":
            return Selectout(rate, settings.top_rate, **_pooling(settings))
        case "select_scale":
            return SelectScale(rate, settings.top_rate, **_pooling(settings))
    raise ValueError(kind)


def _pooling(settings):
    """Returns how activations are pooled before maps are scored (SelectScale, section 2.3), as the layers take it."""
    size = settings.pool_size
    if not size:
        return {}
    return {"pool_size": size if size == "global" else int(size), "pool_strides": settings.pool_strides or None}
