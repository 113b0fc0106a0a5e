"""Random numbers that are a pure function of a seed and a step: the same ones on every backend."""

import numpy as np
from keras import ops

# The increment of a Weyl sequence: odd, and 2**32 over the golden ratio, so that neighbours lie far apart.
_STRIDE = np.uint32(0x9E3779B9)


def _mix(bits):
    """A bijection of 32-bit integers in which every input bit flips every output bit half the time.

    Two rounds of xor-shift and multiply, with the constants of C. Wellons' "lowbias32" (public domain).
    """
    bits = ops.bitwise_xor(bits, ops.right_shift(bits, np.uint32(16)))
    bits = bits * np.uint32(0x7FEB352D)
    bits = ops.bitwise_xor(bits, ops.right_shift(bits, np.uint32(15)))
    bits = bits * np.uint32(0x846CA68B)
    return ops.bitwise_xor(bits, ops.right_shift(bits, np.uint32(16)))


def uniform(state, shape):
    """Draws uniform float32 numbers in [0, 1) from the state that a `keras.random.SeedGenerator` hands out.

    The generators of `keras.random` are those of its backend, so that one seed means one mask with TensorFlow
    and another with JAX. Here each number is a hash of the seed, the step and the number's place along each axis,
    in integer arithmetic, which is the same everywhere; and being a hash of counters it needs no state of its own.

    Args:
        state: Integer tensor `(seed, step)`: what `SeedGenerator.next()` gives.
        shape: The sizes of the axes, integers or scalar tensors.
    """
    # A float32 holds 24 bits exactly: all of the numbers are equally likely, and 1.0 is not among them.
    return ops.cast(_bits(state, shape), "float32") * np.float32(2**-24)


def chance(state, shape, probability):
    """Draws which of many events happen, each with the same probability: `uniform(state, shape) < probability`.

    It compares the integers themselves, which saves two passes over what may be a large tensor.

    Args:
        state: Integer tensor `(seed, step)`.
        shape: The sizes of the axes, integers or scalar tensors.
        probability: Scalar float32 tensor in [0, 1].
    """
    return _bits(state, shape) < ops.cast(ops.ceil(probability * np.float32(2**24)), "uint32")


def _bits(state, shape):
    """Integers of 24 random bits."""
    seed, step = ops.unstack(ops.cast(state, "uint32"), num=2)
    bits = _mix(_mix(seed + _STRIDE) + step)
    for size in shape:
        bits = _mix(ops.expand_dims(bits, -1) + ops.cast(ops.arange(size), "uint32") * _STRIDE)
    return ops.right_shift(bits, np.uint32(8))
