"""Selectout: drops some of the important feature maps."""

import math
from typing import Any

import keras
from keras import ops

from tfdrop.arguments import check_share
from tfdrop.layers.feature_maps import per_map
from tfdrop.layers.hashed_draws import uniform
from tfdrop.layers.rated_layer import Rate
from tfdrop.layers.selection import highest, scatter_to_channels
from tfdrop.layers.selective_layer import SelectiveLayer


@keras.saving.register_keras_serializable("tfdrop")
class Selectout(SelectiveLayer):
    """Drops feature maps at random from among the important ones of each sample while the network trains.

    A sample's candidates are the `top_rate * channels` maps with the greatest absolute activation (at least one; ties
    go to the lower channel). Of these, `rate * channels` are set to zero, every choice being equally likely, and the
    remaining maps are scaled by 1 / (1 - rate). At inference the layer is the identity. The gradient treats the
    selection as a constant.

    `rate` is the paper's 1 - p and, as in its example after eq. (4), the dropped share of ALL maps, not of the
    candidates: `Selectout(0.1, top_rate=0.2)` drops 10 % of the maps, chosen from the top 20 %. If `rate * channels`
    is not an integer, it is rounded up or down at random so that the expected share is exact: section 2.2 complains
    that few maps "reveal the difference between very small drop rates". If this exceeds the number of candidates, the
    map that ranks next is dropped too.

    Args:
        rate: Float in [0, top_rate] below 1, or a schedule from `tfdrop.schedules`: the share of the maps to drop.
        top_rate: Float in (0, 1]: the share of the maps that are candidates.
        pool_size: For section 2.3's ablation: `None` scores a map by its greatest absolute activation, an integer by
            the greatest average over windows of that side, `"global"` by the average over the map.
        pool_strides: The stride of those windows; by default their side.
        data_format: `"channels_last"` or `"channels_first"`; by default that of Keras's configuration.
        seed: Optional integer seed. The same seed drops the same maps on every backend.
        **kwargs: The usual arguments of a layer.

    Call arguments:
        inputs: Feature maps with one, two or three spatial axes.
        training: Whether to drop (True) or to pass the inputs on (False).

    Input shape:
        `(batch, ..., channels)`, or `(batch, channels, ...)` for `"channels_first"`: rank 3, 4 or 5.

    Output shape:
        That of the input.

    Raises:
        ValueError: If an argument is out of its range, `rate` is above `top_rate`, or the inputs are not feature maps.

    Reference:
        Chen et al., "SelectScale: Mining More Patterns from Images via Selective and Soft Dropout", 2019, eq. (4) and
        section 2.3.

    >>> import numpy as np
    >>> maps = np.ones((2, 4, 4, 10), "float32")
    >>> dropped = np.asarray(Selectout(0.1, top_rate=0.2, seed=1)(maps, training=True))
    >>> (dropped == 0).all(axis=(1, 2)).sum(axis=1).tolist()  # one of the ten maps of each sample
    [1, 1]
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
        # The top rate bounds the rate, so it has to be checked first.
        highest_rate = check_share("top_rate", top_rate, positive=True)
        super().__init__(
            rate,
            top_rate,
            pool_size,
            pool_strides,
            data_format,
            highest_rate=highest_rate,
            below_one=True,
            seed=seed,
            **kwargs,
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        state, rate = self.begin_step()
        scores = self.score(inputs)
        # A count that is rounded up may exceed the candidates by one.
        ranked = highest(scores, max(self.candidates, math.ceil(self.top_rate * self.channels)))
        dropped = scatter_to_channels(self._choose(state, rate, ranked), ranked, like=scores)
        return inputs * per_map((1.0 - dropped) / (1.0 - rate), inputs, self.data_format)

    def _choose(self, state: Any, rate: Any, ranked: Any) -> Any:
        """Returns 1.0 for the ranked maps to drop and 0.0 for the others."""
        batch, count = ops.shape(ranked)
        noise = uniform(state, (batch, count + 1))
        drops = ops.floor(rate * self.channels + noise[:, :1])
        # Sorting random numbers puts the candidates in a random order; a map that is not one stays behind them.
        reserve = ops.cast(ops.arange(count) >= self.candidates, "float32")
        order = ops.argsort(noise[:, 1:] + reserve, axis=1)
        return ops.cast(ops.cast(order, "float32") < drops, "float32")
