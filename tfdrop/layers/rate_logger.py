"""RateLogger: the drop layers' rates among the logs of an epoch, and so in TensorBoard."""

import math
from typing import Any

import keras

from tfdrop.layers.focused_dropout import FocusedDropout
from tfdrop.layers.rated_layer import RatedLayer


class RateLogger(keras.callbacks.Callback):
    """Adds the drop layers' readings to the logs of each epoch.

    For each layer with a rate it adds `<layer name>/rate`, and for each `FocusedDropout` `<layer name>/kept_share`, the
    mean over the epoch (NaN if no batch took part). Put it before the callbacks that should see these values, such as
    `TensorBoard` or `CSVLogger`: `callbacks=[tfdrop.layers.RateLogger(), keras.callbacks.TensorBoard(...)]`.

    >>> import numpy as np
    >>> import tfdrop
    >>> rate = tfdrop.schedules.linear(0.0, 0.4, steps=8)
    >>> scale = tfdrop.layers.SpatialScale(rate, name="scale")
    >>> model = keras.Sequential([keras.Input((4, 4, 3)), scale, keras.layers.Dense(3)])
    >>> model.compile("sgd", "mse")
    >>> x = np.ones((8, 4, 4, 3), "float32")
    >>> fitted = model.fit(x, x, batch_size=2, epochs=2, verbose=0, callbacks=[tfdrop.layers.RateLogger()])
    >>> [round(rate, 2) for rate in fitted.history["scale/rate"]]
    [0.2, 0.4]
    """

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for layer in self._layers_of_kind(FocusedDropout):
            layer.reset_kept_share()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is None:
            return
        for layer in self._layers_of_kind(RatedLayer):
            logs[f"{layer.name}/rate"] = layer.rate
        for layer in self._layers_of_kind(FocusedDropout):
            logs[f"{layer.name}/kept_share"] = math.nan if layer.kept_share is None else layer.kept_share

    def _layers_of_kind(self, kind: type) -> list[Any]:
        return [layer for layer in self.model._flatten_layers() if isinstance(layer, kind)]
