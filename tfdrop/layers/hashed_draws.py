"""Random numbers that are a pure function of a seed and a step, and so the same on every backend."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

# The increment of a Weyl sequence: odd, and 2**32 over the golden ratio, so that neighbours end up far apart.
_STRIDE = np.uint32(0x9E3779B9)


def _mix(bits: Any) -> Any:
    """A bijection of 32-bit integers in which every input bit flips every output bit half the time.

    Two rounds of xor-shift and multiply, with the constants of C. Wellons' "lowbias32" (public domain).
    """
    bits = ops.bitwise_xor(bits, ops.right_shift(bits, np.uint32(16)))
    bits = bits * np.uint32(0x7FEB352D)
    bits = ops.bitwise_xor(bits, ops.right_shift(bits, np.uint32(15)))
    bits = bits * np.uint32(0x846CA68B)
    return ops.bitwise_xor(bits, ops.right_shift(bits, np.uint32(16)))


def uniform(state: Any, shape: Sequence) -> Any:
    """Draws uniform float32 numbers in [0, 1) from a state of a `keras.random.SeedGenerator`.

    `keras.random` uses the generators of its backend, so one seed means one mask with TensorFlow and another with JAX.
    Here each number is a hash of the seed, the step and the number's position along each axis, in integer arithmetic,
    which is the same everywhere; as a hash of counters, it needs no state of its own.

    Args:
        state: Integer tensor `(seed, step)`, as `SeedGenerator.next()` returns it.
        shape: The sizes of the axes, integers or scalar tensors.

    >>> import numpy as np
    >>> first, again, next_step = (np.asarray(uniform(np.array([7, step]), (2, 3))) for step in (0, 0, 1))
    >>> bool((first == again).all()), bool((first == next_step).any())
    (True, False)
    """
    # A float32 holds 24 bits exactly, so all numbers are equally likely and 1.0 is not among them.
    return ops.cast(_bits(state, shape), "float32") * np.float32(2**-24)


def chance(state: Any, shape: Sequence, probability: Any) -> Any:
    """Draws which of many events happen, each with the same probability: `uniform(state, shape) < probability`.

    It compares integers, which saves two passes over a tensor that may be large.

    Args:
        state: Integer tensor `(seed, step)`.
        shape: The sizes of the axes, integers or scalar tensors.
        probability: Scalar float32 tensor in [0, 1].
    """
    return _bits(state, shape) < ops.cast(ops.ceil(probability * np.float32(2**24)), "uint32")


def _bits(state: Any, shape: Sequence) -> Any:
    """Returns integers of 24 random bits."""
    seed, step = ops.unstack(ops.cast(state, "uint32"), num=2)
    bits = _mix(_mix(seed + _STRIDE) + step)
    for size in shape:
        bits = _mix(ops.expand_dims(bits, -1) + ops.cast(ops.arange(size), "uint32") * _STRIDE)
    return ops.right_shift(bits, np.uint32(8))
