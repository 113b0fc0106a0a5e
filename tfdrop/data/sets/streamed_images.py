"""Images that stay in their files: an array of which only the rows that are asked for are read."""

import functools
import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

WAITING = 64  # images that are read and not yet taken, at most, when many are asked for at once


class StreamedImages:
    """Images of one size that stay where they are, in the place of an array `(n, height, width, channels)`.

    `len`, `shape`, `ndim` and `dtype` are the array's. A number reads an image and returns it; a slice, a mask or
    indices return `StreamedImages` of those, unread; `np.asarray` reads all that there are, on all cores. An image is
    read anew whenever it is asked for, so that memory holds no more than what is in use.

    Args:
        read: Function from an image's number to its pixels, `(height, width, channels)`. It is called on several
            threads.
        identities: An array with an entry for each image, which another image would not have: names, digests.

    Raises:
        ValueError: If there are no images, or as `read` does.

    >>> images = StreamedImages(lambda number: np.full((1, 2, 1), number, "uint8"), ["a", "b", "c"])
    >>> images.shape, images[1:].shape, images[2].ravel().tolist()
    ((3, 1, 2, 1), (2, 1, 2, 1), [2, 2])
    >>> np.asarray(images[[2, 0]]).ravel().tolist()
    [2, 2, 0, 0]
    """

    ndim = 4

    def __init__(self, read: Callable[[int], np.ndarray], identities: ArrayLike):
        identities = np.asarray(identities)
        if not len(identities):
            raise ValueError("Expected at least one image. Received: none")
        self._set(_Reader(read), np.arange(len(identities)), identities, read(0))

    def _set(self, reader, numbers, identities, example):
        self._reader, self._numbers, self._identities = reader, numbers, identities
        self._example = example
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self._numbers), *self._example.shape)

    @property
    def dtype(self) -> np.dtype:
        return self._example.dtype

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, key: Any) -> Any:
        chosen = self._numbers[key]
        if np.ndim(chosen) == 0:
            return self._reader.read(int(chosen))
        return self._of(self._reader, chosen, self._example)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("Images that are read are always a new array. Received: copy=False")
        found = np.empty(self.shape, dtype or self.dtype)
        for place, image in enumerate(self._reader.images(self._numbers)):
            found[place] = image
        return found

    def map(self, function: Callable[[np.ndarray], np.ndarray]) -> "StreamedImages":
        """Returns the images with a function applied when they are read.

        Args:
            function: From an array `(1, height, width, channels)` to another with one row.
        """
        read = self._reader.read

        def changed(number: int) -> np.ndarray:
            return function(read(number)[None])[0]

        return self._of(_Reader(changed), self._numbers, function(self._example[None])[0])

    def expect(self, indices: ArrayLike | slice) -> None:
        """Begins to read the images that will be asked for next, and forgets what was expected before."""
        self._reader.expect(self._numbers[indices])

    def fingerprint(self) -> bytes:
        """Returns a digest of which images they are, and in which order, by their identities and what one became."""
        identities = self._identities[self._numbers]
        about = repr((self.shape, self.dtype, identities.dtype)).encode() + self._example.tobytes()
        return hashlib.sha256(about + identities.tobytes()).digest()

    def _of(self, reader, numbers, example):
        return StreamedImages.__new__(StreamedImages)._set(reader, numbers, self._identities, example)


class _Reader:
    """Reads images on all cores, ahead of time those that are expected."""

    def __init__(self, read: Callable[[int], np.ndarray]):
        self.read = read
        self._expected: dict[int, Future] = {}

    def expect(self, numbers: np.ndarray) -> None:
        before, self._expected = self._expected, {}
        for number in map(int, numbers):
            self._expected[number] = before.pop(number) if number in before else self._begin(number)
        for forgotten in before.values():
            forgotten.cancel()

    def images(self, numbers: np.ndarray) -> Iterator[np.ndarray]:
        """Yields the images with these numbers, in order."""
        begun: deque[Future] = deque()
        for number in map(int, numbers):
            begun.append(self._expected.pop(number) if number in self._expected else self._begin(number))
            if len(begun) > WAITING:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()

    def _begin(self, number: int) -> Future:
        return _threads(os.getpid()).submit(self.read, number)


@functools.cache
def _threads(process: int) -> ThreadPoolExecutor:
    """Returns the threads of a process, the same for all images: a fork has none of its parent's."""
    return ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None)
