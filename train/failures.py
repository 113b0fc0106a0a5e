"""What befalls a program from outside, said in one line: a full disk, too little memory, a worker that is gone."""

import errno

from absl import flags

NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file would be larger than is allowed here",
    errno.EROFS: "the disk cannot be written to",
    errno.EIO: "the disk fails",
}
# What a program that has these flags may need less memory with.
SMALLER = ("batch_size", "influence_batch_size", "train_samples", "image_size", "patches_per_image", "filters")
# What TensorFlow's errors say when another process is no more, or sends no sign of life.
OF_WORKERS = ("Collective ops is aborted by", "cluster check alive failed")


def no_room(error: BaseException) -> str | None:
    """Returns why something could not be written, where the disk is the reason."""
    for each in _chain(error):
        # HDF5's errors have the number in their text alone.
        number = getattr(each, "errno", None) if isinstance(each, OSError) else None
        for known, reason in NO_ROOM.items():
            if number == known or (number is None and isinstance(each, OSError) and f"errno = {known}," in str(each)):
                return reason
    return None


def no_memory(error: BaseException) -> str | None:
    """Returns that there was too little memory, and what needs less, where that is the reason."""
    if not any(_is_about_memory(each) for each in _chain(error)):
        return None
    known = [f"--{name} ({flags.FLAGS[name].value})" for name in SMALLER if name in flags.FLAGS]
    return "there is not enough memory" + (f"; smaller {' or '.join(known)} needs less" if known else "")


def no_worker(error: BaseException) -> str | None:
    """Returns that another worker is gone, where that is the reason, and what TensorFlow says of it."""
    for each in _chain(error):
        # TensorFlow's own errors, which to import is not worth it.
        if "OpError" in {kind.__name__ for kind in type(each).__mro__} and any(
            word in str(each) for word in OF_WORKERS
        ):
            said = next(line for line in str(each).splitlines() if any(word in line for word in OF_WORKERS))
            return f"another worker is gone ({said.strip()})"
    return None


def _is_about_memory(error):
    # TensorFlow's and JAX's own errors, which to import is not worth it; NumPy's is a MemoryError.
    names = {kind.__name__ for kind in type(error).__mro__}
    told = "ResourceExhaustedError" in names or "RESOURCE_EXHAUSTED" in str(error)
    return isinstance(error, MemoryError) or (told and isinstance(error, Exception))


def _chain(error):
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return seen
