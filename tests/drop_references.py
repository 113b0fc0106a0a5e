"""The drop layers again, in plain NumPy and loops over samples, channels and places; and inputs to try them on."""

import itertools
import math

import numpy as np


def noise(seed, step, shape):
    """The layers' uniform numbers, each from its own place, in Python's unbounded integers cut to 32 bits."""

    def mix(word):
        word ^= word >> 16
        word = word * 0x7FEB352D % 2**32
        word ^= word >> 15
        word = word * 0x846CA68B % 2**32
        return word ^ word >> 16

    stride = 0x9E3779B9
    words = np.asarray(mix((mix((seed + stride) % 2**32) + step) % 2**32), object)
    for size in shape:
        words = np.expand_dims(np.asarray(words, object), -1) + np.arange(size, dtype=object) * stride
        words = np.frompyfunc(mix, 1, 1)(words % 2**32)
    return np.asarray(words // 2**8, "float32") / np.float32(2**24)


def channels_leading(x, data_format):
    """The maps as (batch, channels, ...)."""
    return x if data_format == "channels_first" else np.moveaxis(x, -1, 1)


def channels_back(x, data_format):
    return x if data_format == "channels_first" else np.moveaxis(x, 1, -1)


def score(feature_map, pool_size=None, pool_strides=None):
    magnitudes = np.abs(feature_map.astype("float32"))
    if pool_size is None:
        return magnitudes.max()
    if pool_size == "global":
        return magnitudes.mean(dtype="float64")
    stride = pool_strides or pool_size
    starts = []
    for side in magnitudes.shape:
        count = math.ceil(side / stride)
        overhang = max((count - 1) * stride + pool_size - side, 0)
        starts.append([index * stride - overhang // 2 for index in range(count)])
    return max(
        magnitudes[tuple(slice(max(corner, 0), corner + pool_size) for corner in corners)].mean(dtype="float64")
        for corners in itertools.product(*starts)
    )


def ranking(sample, *pooling):
    """The channels of a sample from the highest score to the lowest, equals by their number."""
    scores = [score(feature_map, *pooling) for feature_map in sample]
    return sorted(range(len(scores)), key=lambda channel: (-scores[channel], channel))


def candidates(top_rate, channels):
    return max(1, int(top_rate * channels + 0.5))


def spatial_scale(x, data_format, seed, step, rate):
    maps = channels_leading(x, data_format)
    factors = np.float32(1) + np.float32(rate) * (np.float32(2) * noise(seed, step, maps.shape[:2]) - np.float32(1))
    return _scaled(maps, factors, data_format)


def select_scale(x, data_format, seed, step, rate, top_rate=0.2, pooling=()):
    maps = channels_leading(x, data_format)
    count = candidates(top_rate, maps.shape[1])
    draws = noise(seed, step, (len(maps), count))
    factors = np.ones(maps.shape[:2], "float32")
    for index, sample in enumerate(maps):
        for place, channel in enumerate(ranking(sample, *pooling)[:count]):
            factors[index, channel] += np.float32(rate) * (np.float32(2) * draws[index, place] - np.float32(1))
    return _scaled(maps, factors, data_format)


def selectout(x, data_format, seed, step, rate, top_rate=0.2, pooling=()):
    maps = channels_leading(x, data_format)
    channels = maps.shape[1]
    count = candidates(top_rate, channels)
    draws = noise(seed, step, (len(maps), max(count, math.ceil(top_rate * channels)) + 1))
    factors = np.full(maps.shape[:2], np.float32(1) / (np.float32(1) - np.float32(rate)))
    for index, sample in enumerate(maps):
        drops = int(np.floor(np.float32(rate) * np.float32(channels) + draws[index, 0]))
        order = np.argsort(draws[index, 1 : count + 1], kind="stable")
        ranked = ranking(sample, *pooling)
        for place in range(count):
            if order[place] < drops:
                factors[index, ranked[place]] = 0
        for channel in ranked[count:drops]:
            factors[index, channel] = 0
    return _scaled(maps, factors, data_format)


def focused_dropout(x, data_format, seed, step, gamma=(0.3, 0.6), gamma_per="sample", inverted=False):
    maps = channels_leading(x, data_format)
    outputs = maps.copy()
    places = maps.shape[2:]
    drawn = noise(seed, step, (len(maps), *places) if gamma_per == "unit" else (len(maps), *[1] * len(places)))
    low, high = np.float32(gamma[0]), np.float32(gamma[1])
    for index, sample in enumerate(maps.astype("float32")):
        reference = sample[np.argmax([feature_map.mean(dtype="float64") for feature_map in sample])]
        if reference.max() <= 0:
            continue
        share = low + np.float32(gamma[1] - gamma[0]) * drawn[index] if high > low else low
        focused = reference > share * reference.max()
        outputs[index] = np.where(~focused if inverted else focused, maps[index], 0)
    return channels_back(outputs, data_format)


def drop_block(x, data_format, seed, step, rate, block_size=7):
    maps = channels_leading(x, data_format)
    batch, channels, height, width = maps.shape
    block_height, block_width = min(block_size, height), min(block_size, width)
    rows, columns = height - block_height + 1, width - block_width + 1
    gamma = rate / (block_height * block_width) * height * width / (rows * columns)
    if data_format == "channels_first":
        draws = noise(seed, step, (batch, channels, rows, columns))
    else:
        draws = noise(seed, step, (batch, rows, columns, channels)).transpose(0, 3, 1, 2)
    kept = np.ones(maps.shape, bool)
    for index, channel, row, column in zip(*np.nonzero(draws < gamma), strict=True):
        kept[index, channel, row : row + block_height, column : column + block_width] = False
    outputs = np.zeros_like(maps)
    for index in range(batch):
        share = kept[index].mean(dtype="float64")
        if share > 0:
            outputs[index] = maps[index] * np.where(kept[index], np.float32(1 / share), 0).astype(maps.dtype)
    return channels_back(outputs, data_format)


def _scaled(maps, factors, data_format):
    factors = factors.astype(maps.dtype).reshape(*maps.shape[:2], *[1] * (maps.ndim - 2))
    return channels_back(maps * factors, data_format)


def feature_maps(seed):
    """Random feature maps of a random shape and data format, with all that may go wrong among the samples.

    Returns:
        The maps and their data format.
    """
    generator = np.random.default_rng(seed)
    shape = [int(generator.integers(1, 9)) for _ in range(1 + seed % 3)]
    channels = int(generator.choice([1, 2, 5, 13, 20, 32]))
    maps = generator.normal(size=(7, channels, *shape)).astype("float32")
    maps[1] = np.maximum(maps[1], 0)
    maps[2] = -np.abs(maps[2])
    maps[3] = 0
    maps[4, ::2] = 0
    maps[5] = np.round(maps[5])
    data_format = ("channels_last", "channels_first")[seed // 3 % 2]
    return channels_back(maps, data_format), data_format
