"""SelectScale: random factors for the important feature maps."""

from typing import Any

import keras
from keras import ops

from tfdrop.layers.feature_maps import per_map
from tfdrop.layers.hashed_draws import uniform
from tfdrop.layers.rated_layer import Rate
from tfdrop.layers.selection import highest, scatter_to_channels
from tfdrop.layers.selective_layer import SelectiveLayer


@keras.saving.register_keras_serializable("tfdrop")
class SelectScale(SelectiveLayer):
    """Scales the important feature maps of each sample by random factors while the network trains.

    In each sample, the `top_rate * channels` maps with the greatest absolute activation (at least one; ties go to the
    lower channel) are multiplied by factors of their own from Uniform(1 - rate, 1 + rate). The others pass unchanged;
    at inference all do. The gradient treats the selection as a constant.

    The paper's equation and its captions disagree about the rate. Eq. (6) draws from Uniform(1 - q, 1 + q), but the
    captions call q a retaining rate, and Fig. 4's says that 0 means Uniform(0, 2): with eq. (6) taken literally, the
    q = 0 of Table 1 would do nothing. Here `rate` is the half-width of the interval, so a table's retaining rate q is
    `rate = 1 - q`. For Table 2, section 3.3 and the caption give different top rates: we follow the caption.

    Args:
        rate: Float in [0, 1], or a schedule from `tfdrop.schedules`: the half-width of the factors' interval.
        top_rate: Float in (0, 1]: the share of the maps that are scaled. Section 4 suggests 0.1 or 0.2.
        pool_size: For section 2.3's ablation: `None` scores a map by its greatest absolute activation, an integer by
            the greatest average over windows of that side, `"global"` by the average over the map.
        pool_strides: The stride of those windows; by default their side.
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
        Chen et al., "SelectScale: Mining More Patterns from Images via Selective and Soft Dropout", 2019, eq. (6) and
        section 2.3.

    >>> import numpy as np
    >>> maps = np.ones((2, 4, 4, 10), "float32")
    >>> scaled = np.asarray(SelectScale(0.9, top_rate=0.2, seed=1)(maps, training=True))
    >>> (scaled != maps).any(axis=(1, 2)).sum(axis=1).tolist()  # two of the ten maps of each sample
    [2, 2]
    """

    def __init__(
        self,
        rate: Rate,
        top_rate: float = 0.2,
        pool_size: int | str | None = None,
        pool_strides: int | None = None,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, top_rate, pool_size, pool_strides, data_format, seed=seed, **kwargs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        state, rate = self.begin_step()
        scores = self.score(inputs)
        noise = uniform(state, (ops.shape(scores)[0], self.candidates))
        changes = scatter_to_channels(rate * (2.0 * noise - 1.0), highest(scores, self.candidates), like=scores)
        return inputs * per_map(1.0 + changes, inputs, self.data_format)
