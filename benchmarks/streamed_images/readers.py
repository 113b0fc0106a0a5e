"""Our reader beside `tf.data`, taking turns on the same files."""

import numpy as np
import tensorflow as tf

from benchmarks.measuring import take_turns
from tfdrop.data import load_image_set
from tfdrop.data.sets.class_folders import list_class_folders

IMAGES, TURNS = 2000, 5


def compared(folder, size):
    """Returns the seconds in which each reads some images, in turns, by name."""
    images = load_image_set(str(folder), size=size, in_memory=False).train[0][:IMAGES]
    paths = [str(path) for path in list_class_folders(folder).parts["train"][0][:IMAGES]]

    def ours():
        np.asarray(images)

    def theirs():
        for _ in _tensorflow_images(paths, size):
            pass

    return take_turns({"ours": ours, "tf.data": theirs}, TURNS)


def _tensorflow_images(paths, size):
    def read(path):
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        side = tf.reduce_min(tf.shape(image)[:2])
        square = tf.image.resize_with_crop_or_pad(image, side, side)
        return tf.cast(tf.image.resize(square, (size, size), antialias=True), tf.uint8)

    return tf.data.Dataset.from_tensor_slices(paths).map(read, tf.data.AUTOTUNE).batch(100).prefetch(2)
