"""The batches of a detector's training: each a function of the seed and the step's number, so that a run goes on."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tfdrop.detection.annotations import Annotated, without_difficult
from tfdrop.detection.images import fit, flipped, read

AHEAD = 4  # batches that are read while another is trained on
NOTHING = -1.0  # what fills up the boxes of images that have fewer than another


@dataclass(frozen=True)
class Batches:
    """Where the batches of a training come from.

    Attributes:
        images: The `Annotated` images.
        side: Side of the squares that they are fitted into.
        batch_size: How many are in a batch; of one size always, so that the step is traced once.
        seed: Seed of their order and of which are mirrored.
        mirror: Whether half of them are mirrored.
    """

    images: Sequence[Annotated]
    side: int
    batch_size: int
    seed: int
    mirror: bool = True

    @property
    def steps_per_epoch(self) -> int:
        """How many batches have every image once; the last one is filled up from the next order."""
        return -(-len(self.images) // self.batch_size)

    @cached_property
    def most_objects(self) -> int:
        """The most objects that an image has, one at least."""
        return max([1, *(int((~image.objects.difficult).sum()) for image in self.images)])

    def batch(self, step: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Returns the batch of a step, counted from 0.

        Returns:
            Images as float32 of shape `(batch, side, side, 3)`; `boxes`, of shape `(batch, most_objects, 4)`, and
            `labels`, of shape `(batch, most_objects)`, filled up with -1.
        """
        epoch, within = divmod(step, self.steps_per_epoch)
        start = within * self.batch_size
        orders = [np.random.default_rng((self.seed, epoch, more)).permutation(len(self.images)) for more in (0, 1)]
        # More orders where a batch is larger than the set.
        order = np.concatenate([orders[0], *[orders[1]] * -(-self.batch_size // len(self.images))])
        chosen = order[start : start + self.batch_size]
        mirrored = np.random.default_rng((self.seed, epoch, 2, within)).random(len(chosen)) < 0.5
        x = np.zeros((len(chosen), self.side, self.side, 3), "float32")
        boxes = np.full((len(chosen), self.most_objects, 4), NOTHING, "float32")
        labels = np.full((len(chosen), self.most_objects), NOTHING, "float32")
        for place, (index, mirror) in enumerate(zip(chosen, mirrored, strict=True)):
            pixels, found, of_class = self._sample(self.images[index], bool(mirror and self.mirror))
            x[place] = pixels
            boxes[place, : len(found)] = found
            labels[place, : len(found)] = of_class
        return x, {"boxes": boxes, "labels": labels}

    def from_step(self, first: int, end: int) -> Iterator[tuple[int, tuple[np.ndarray, Any]]]:
        """Yields `(step, batch)` of the steps from `first` to before `end`, which are read ahead."""
        with ThreadPoolExecutor(AHEAD) as pool:
            waiting = [pool.submit(self.batch, step) for step in range(first, min(first + AHEAD, end))]
            try:
                for step in range(first, end):
                    batch = waiting.pop(0).result()
                    if step + AHEAD < end:
                        waiting.append(pool.submit(self.batch, step + AHEAD))
                    yield step, batch
            finally:
                for each in waiting:
                    each.cancel()

    def _sample(self, image, mirror):
        pixels = read(image)
        fitted = fit(pixels, self.side)
        objects = without_difficult(image.objects)
        boxes = objects.boxes * fitted.scale
        if mirror:
            mirrored, boxes = flipped(fitted.pixels, boxes, fitted.scale * pixels.shape[1])
            return mirrored, boxes, objects.labels
        return fitted.pixels, boxes, objects.labels
