"""RateLogger: the drop layers' rates among the logs of an epoch, and so in TensorBoard."""

import keras
from keras import ops

from tfdrop.layers.focused_dropout import FocusedDropout
from tfdrop.layers.rated_layer import RatedLayer


class RateLogger(keras.callbacks.Callback):
    """Adds the drop layers' current readings to the logs of each epoch.

    For each layer with a rate `<layer name>/rate`, and for each `FocusedDropout` `<layer name>/kept_share`. Put it
    before the callbacks that are to see them, such as `TensorBoard` or `CSVLogger`:
    `callbacks=[tfdrop.layers.RateLogger(), keras.callbacks.TensorBoard(...)]`.
    """

    def on_epoch_end(self, epoch, logs=None):
        if logs is None:
            return
        for layer in self.model._flatten_layers():
            if isinstance(layer, RatedLayer):
                logs[f"{layer.name}/rate"] = layer.rate
            elif isinstance(layer, FocusedDropout):
                logs[f"{layer.name}/kept_share"] = float(ops.convert_to_numpy(layer.kept_share))
