"""ScheduledDropout: standard dropout and SpatialDropout whose rate may change while the network trains."""

from typing import Any

import keras
from keras import ops

from tfdrop.arguments import check_flag
from tfdrop.layers.feature_maps import batch_and_channels, check_feature_maps, per_map, standardize_data_format
from tfdrop.layers.hashed_draws import chance
from tfdrop.layers.rated_layer import Rate, RatedLayer


@keras.saving.register_keras_serializable("tfdrop")
class ScheduledDropout(RatedLayer):
    """Sets units, or whole feature maps, to zero at random while the network trains, as `keras.layers.Dropout` does.

    Keras's `Dropout` and `SpatialDropout2D` have one rate from the first step to the last. This layer is for a rate
    that rises: Curriculum Dropout, which SelectScale's Tables 3 and 4 combine with both. The kept units are scaled by
    1 / (1 - rate), with the rate of the step; at inference the layer is the identity.

    Args:
        rate: Float in [0, 1), or a schedule from `tfdrop.schedules`.
        spatial: Whether to drop whole feature maps instead of units.
        data_format: `"channels_last"` or `"channels_first"`; by default that of Keras's configuration.
        seed: Optional integer seed. The same seed drops the same units on every backend.
        **kwargs: The usual arguments of a layer.

    Call arguments:
        inputs: Feature maps with one, two or three spatial axes.
        training: Whether to drop (True) or to pass the inputs on (False).

    Input shape:
        `(batch, ..., channels)`, or `(batch, channels, ...)` for `"channels_first"`: rank 3, 4 or 5.

    Output shape:
        That of the input.

    Raises:
        ValueError: If an argument is out of its range, or the inputs are not feature maps.

    Reference:
        Morerio et al., "Curriculum Dropout", 2017.

    >>> import numpy as np
    >>> layer = ScheduledDropout(0.5, spatial=True, seed=1)
    >>> dropped = layer(np.ones((2, 4, 4, 8), "float32"), training=True)
    >>> np.unique(dropped).tolist()
    [0.0, 2.0]
    """

    def __init__(
        self, rate: Rate, spatial: bool = False, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, below_one=True, seed=seed, **kwargs)
        self.spatial = check_flag("spatial", spatial)
        self.data_format = standardize_data_format(data_format)

    def build(self, input_shape: tuple) -> None:
        check_feature_maps(input_shape, self.data_format)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        state, rate = self.begin_step()
        shape = batch_and_channels(inputs, self.data_format) if self.spatial else ops.shape(inputs)
        scale = ops.where(chance(state, shape, rate), 0.0, 1.0 / (1.0 - rate))
        return inputs * (per_map(scale, inputs, self.data_format) if self.spatial else ops.cast(scale, inputs.dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "spatial": self.spatial, "data_format": self.data_format}
