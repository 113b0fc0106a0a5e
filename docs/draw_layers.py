"""Draws what each drop layer does to two feature maps of a photograph.

python examples/draw_layers.py docs/layers.png
"""

import io
import sys

import keras
import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import skimage
from keras import ops
from matplotlib.colors import PowerNorm
from PIL import Image

import tfdrop

# The seeds are chosen so that each layer is seen at work.
LAYERS = {
    "SpatialScale(0.6)": tfdrop.layers.SpatialScale(0.6, seed=3),
    "Selectout(0.1, top_rate=0.2)": tfdrop.layers.Selectout(0.1, top_rate=0.2, seed=0),
    "SelectScale(0.9, top_rate=0.2)": tfdrop.layers.SelectScale(0.9, top_rate=0.2, seed=4),
    "FocusedDropout()\nin a batch that takes part": tfdrop.layers.FocusedDropout(participation_rate=1.0, seed=1),
    "DropBlock2D(0.2, block_size=15)": tfdrop.layers.DropBlock2D(0.2, block_size=15, seed=1),
}


def first_convolution(photograph):
    """The maps of a first layer as networks learn it: light, dark, and edges in ten directions at two scales."""
    blob = skimage.filters.gaussian(np.pad(np.ones((1, 1)), 15), 2)
    filters = [blob / 2, -blob / 2]
    for wavelength in (6, 12):
        for angle in np.pi * np.arange(10) / 10:
            kernel = np.imag(skimage.filters.gabor_kernel(1 / wavelength, angle, bandwidth=1.5))
            height, width = kernel.shape
            square = np.zeros((31, 31))
            top, left = (31 - height) // 2, (31 - width) // 2
            square[max(top, 0) :, max(left, 0) :][:height, :width] = kernel[max(-top, 0) :, max(-left, 0) :][:31, :31]
            filters.append(square / np.abs(square).sum())
    convolution = keras.layers.Conv2D(len(filters), 31, activation="relu")
    convolution.build((None, None, None, 1))
    convolution.set_weights([np.stack(filters, -1)[:, :, None].astype("float32"), np.array([-0.3, 0.2] + [0] * 20)])
    # Zeros beyond the border would be the strongest edge of all.
    mirrored = np.pad(photograph, 15, mode="reflect")
    return ops.convert_to_numpy(convolution(mirrored[None, :, :, None]))


def draw(path):
    astronaut = skimage.data.astronaut()[:256, 96:352]
    photograph = skimage.transform.resize(skimage.color.rgb2gray(astronaut), (128, 128), anti_aliasing=True)
    maps = first_convolution(photograph.astype("float32"))
    order = np.argsort(-maps[0].max((0, 1)))
    rows = {"an important map": order[2], "another map": order[10]}
    results = {name: ops.convert_to_numpy(layer(maps, training=True)) for name, layer in LAYERS.items()}
    columns = {"at inference": maps, **results}
    figure, axes = plt.subplots(2, 1 + len(columns), figsize=(2 * (1 + len(columns)), 4.5), layout="constrained")
    axes[0, 0].imshow(photograph, cmap="gray")
    axes[0, 0].set_title("photograph", fontsize=8)
    for axis, name in zip(axes[0, 1:], columns, strict=True):
        axis.set_title(name, fontsize=8)
    for row, (label, channel) in zip(axes, rows.items(), strict=True):
        row[1].set_ylabel(label, fontsize=9)
        for axis, result in zip(row[1:], columns.values(), strict=True):
            # One scale for each row: a map that a layer scales up is brighter than it is at inference.
            brightness = PowerNorm(0.6, vmin=0, vmax=1.2 * maps[0, :, :, channel].max())
            axis.imshow(result[0, :, :, channel], cmap="magma", norm=brightness)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    axes[1, 0].set_axis_off()
    with io.BytesIO() as buffer:
        figure.savefig(buffer, dpi=72)
        # A palette of 160 colours looks the same and takes a third of the space.
        Image.open(buffer).convert("RGB").quantize(160).save(path, optimize=True)


if __name__ == "__main__":
    draw(sys.argv[1])
