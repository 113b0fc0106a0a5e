"""The layers that are compared."""

from collections.abc import Callable
from typing import Any

RIVAL = "SpatialDropout2D"


def layer_makers() -> dict[str, Callable[[], Any]]:
    """Returns, by the name in the table, a function that makes each layer; the rival is the first one."""
    import keras

    from tfdrop import layers

    return {
        RIVAL: lambda: keras.layers.SpatialDropout2D(0.1),
        "SpatialScale": lambda: layers.SpatialScale(0.6),
        "Selectout": lambda: layers.Selectout(0.1, top_rate=0.2),
        "SelectScale": lambda: layers.SelectScale(0.9, top_rate=0.2),
        "FocusedDropout, batches that take part": lambda: layers.FocusedDropout(participation_rate=1.0),
        "FocusedDropout, the other batches": lambda: layers.FocusedDropout(participation_rate=0.0),
        "DropBlock2D": lambda: layers.DropBlock2D(0.1, block_size=7),
    }
