"""SpatialScale: random factors for all feature maps."""

from typing import Any

import keras

from tfdrop.layers.feature_maps import batch_and_channels, check_feature_maps, per_map, standardize_data_format
from tfdrop.layers.hashed_draws import uniform
from tfdrop.layers.rated_layer import Rate, RatedLayer


@keras.saving.register_keras_serializable("tfdrop")
class SpatialScale(RatedLayer):
    """Scales each feature map by a random factor while the network trains.

    Milder than `SpatialDropout2D`: every map of every sample is multiplied by its own factor from
    Uniform(1 - rate, 1 + rate). The mean of the factors is 1, so nothing is rescaled; at inference the layer is the
    identity.

    The paper's equation and its captions disagree about the rate. Eq. (5) draws from Uniform(1 - q, 1 + q), but the
    captions of Fig. 4 and Table 1 call q a retaining rate, and Fig. 4's says that 0 means Uniform(0, 2): with
    eq. (5) taken literally, q = 0 would do nothing. Here `rate` is the half-width of the interval, 0 is the identity
    as everywhere in Keras, so a table's retaining rate q is `rate = 1 - q` (Table 1's 0.4 is `SpatialScale(0.6)`).

    Args:
        rate: Float in [0, 1], or a schedule from `tfdrop.schedules`: the half-width of the factors' interval.
        data_format: `"channels_last"` or `"channels_first"`; by default that of Keras's configuration.
        seed: Optional integer seed. The same seed gives the same factors on every backend.
        **kwargs: The usual arguments of a layer.

    Call arguments:
        inputs: Feature maps with one, two or three spatial axes.
        training: Whether to scale (True) or to pass the inputs on (False).

    Input shape:
        `(batch, ..., channels)`, or `(batch, channels, ...)` for `"channels_first"`: rank 3, 4 or 5.

    Output shape:
        That of the input.

    Raises:
        ValueError: If an argument is out of its range, or the inputs are not feature maps.

    Reference:
        Chen et al., "SelectScale: Mining More Patterns from Images via Selective and Soft Dropout", 2019, eq. (5).

    >>> import numpy as np
    >>> scaled = np.asarray(SpatialScale(0.6, seed=1)(np.ones((2, 4, 4, 3), "float32"), training=True))
    >>> bool((scaled == scaled[:, :1, :1]).all()), bool((abs(scaled - 1) <= 0.6).all())  # one factor per map
    (True, True)
    """

    def __init__(self, rate: Rate, data_format: str | None = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        self.data_format = standardize_data_format(data_format)

    def build(self, input_shape: tuple) -> None:
        check_feature_maps(input_shape, self.data_format)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        state, rate = self.begin_step()
        noise = uniform(state, batch_and_channels(inputs, self.data_format))
        return inputs * per_map(1.0 + rate * (2.0 * noise - 1.0), inputs, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}
