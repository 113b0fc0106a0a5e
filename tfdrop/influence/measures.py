"""What influence is the influence on: the number per validation sample that is summed over the validation set."""

from typing import Any

import keras

from tfdrop.arguments import invalid
from tfdrop.losses import ExpectedError, NegativePSNR

MEASURES = ("loss", "expected_error", "psnr")
KINDS = {
    "SparseCategoricalCrossentropy": "sparse_categorical",
    "CategoricalCrossentropy": "categorical",
    "CategoricalFocalCrossentropy": "categorical",
    "BinaryCrossentropy": "binary",
    "BinaryFocalCrossentropy": "binary",
}


def measure_loss(measure: Any, loss: Any) -> Any:
    """Returns a measure as a Keras loss.

    Args:
        measure: `"loss"` for the training loss, `"expected_error"` for 1 - p(label), `"psnr"` for minus the PSNR of
            images from 0 to 1 in dB, or any Keras loss per sample.
        loss: The training loss.

    Raises:
        ValueError: If the measure is unknown, or is `"expected_error"` and the loss is no cross-entropy.

    >>> measure_loss("expected_error", keras.losses.BinaryCrossentropy(from_logits=True)).kind
    'binary'
    >>> measure_loss("loss", "mse")
    'mse'
    """
    if measure == "loss":
        return loss
    if measure == "psnr":
        return NegativePSNR()
    if measure != "expected_error":
        if isinstance(measure, keras.losses.Loss) or callable(measure):
            return measure
        raise invalid("measure", f"one of {MEASURES} or a keras.losses.Loss", measure)
    known = keras.losses.get(loss) if isinstance(loss, str) else loss
    function = getattr(known, "fn", known)
    for name, kind in KINDS.items():
        kind_of_loss = getattr(keras.losses, name)
        if isinstance(known, kind_of_loss) or function is getattr(keras.losses, _function_name(name)):
            return ExpectedError(kind, from_logits=getattr(known, "from_logits", False))
    raise invalid(
        "measure",
        'one that fits the training loss: "expected_error" belongs to a cross-entropy of classes; for others use '
        '"loss" or any Keras loss per sample',
        received=f"measure='expected_error' with the loss {getattr(known, 'name', known)!r}",
    )


def measure_name(measure: Any) -> str:
    """Returns what a measure is called in results."""
    return measure if isinstance(measure, str) else str(getattr(measure, "name", getattr(measure, "__name__", measure)))


def _function_name(name):
    """Returns the name of a Keras loss class as a function, as in `categorical_crossentropy`."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).removeprefix("_")
