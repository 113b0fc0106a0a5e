"""Crops of a fixed size at a random place."""

from typing import Any

import keras
from keras import ops

from tfdrop.arguments import check_whole, invalid
from tfdrop.data.augmentation.windows import cut, random_corners
from tfdrop.layers.seeded_layer import SeededLayer


@keras.saving.register_keras_serializable("tfdrop")
class RandomCrop(SeededLayer):
    """Cuts a square of a fixed size out of each image during training, at a place of the image's own.

    Keras's layer of this name cuts all images of a batch at the same place. At inference the square is that in the
    centre, so that the output has the same shape.

    Args:
        size: Height and width of the crops, at most those of the images.
        seed: Optional integer seed. The same seed gives the same crops on every backend.
        **kwargs: The usual arguments of a layer.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, size, size, channels)`.

    Raises:
        ValueError: If `size` is not a positive integer, or larger than the images.

    Reference:
        Data Dropout, section IV-B: "Any image or its horizontal flip is randomly cropped to size 224x224".

    >>> layer = RandomCrop(8, seed=1)
    >>> tuple(layer(ops.ones((2, 12, 16, 3)), training=True).shape)
    (2, 8, 8, 3)
    """

    def __init__(self, size: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        self.size = check_whole("size", size)

    def build(self, input_shape: tuple) -> None:
        height, width = input_shape[1:3]
        if self.size > min(height, width):
            raise invalid("size", f"at most the images' {height}x{width} pixels", self.size)
        super().build(input_shape)

    def call(self, images: Any, training: bool = False) -> Any:
        batch, height, width, _ = ops.shape(images)
        below, after = height - self.size, width - self.size
        if not training:
            top, left = below // 2, after // 2
            return images[:, top : top + self.size, left : left + self.size]
        top, left = random_corners(self.seed_generator.next(), batch, below + 1, after + 1)
        return cut(images, top, left, self.size, self.size)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (input_shape[0], self.size, self.size, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}
