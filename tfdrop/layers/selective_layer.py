"""What the two layers that select the important feature maps share: the arguments of the selection."""

from typing import Any

from tfdrop.arguments import check_share
from tfdrop.layers.feature_maps import channel_axis, check_feature_maps, standardize_data_format
from tfdrop.layers.rated_layer import Rate, RatedLayer
from tfdrop.layers.selection import check_pooling, count_candidates, map_scores


class SelectiveLayer(RatedLayer):
    """A layer with a rate that works on each sample's highest-scoring feature maps.

    Args:
        rate: Float or schedule.
        top_rate: Float in (0, 1]: the share of the maps that are candidates.
        pool_size: `None`, an integer or `"global"`: see `selection.map_scores`.
        pool_strides: The stride of the pooling window; by default its side.
        data_format: `"channels_last"` or `"channels_first"`; by default that of Keras's configuration.
        **kwargs: The arguments of `RatedLayer`.
    """

    def __init__(
        self,
        rate: Rate,
        top_rate: float,
        pool_size: int | str | None,
        pool_strides: int | None,
        data_format: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, **kwargs)
        self.top_rate = check_share("top_rate", top_rate, positive=True)
        check_pooling(pool_size, pool_strides)
        self.pool_size = pool_size
        self.pool_strides = pool_strides
        self.data_format = standardize_data_format(data_format)

    def build(self, input_shape: tuple) -> None:
        check_feature_maps(input_shape, self.data_format)
        self.channels = input_shape[channel_axis(self.data_format, len(input_shape))]
        self.candidates = count_candidates(self.top_rate, self.channels)

    def score(self, inputs: Any) -> Any:
        """Returns the scores of the maps, `(batch, channels)`."""
        return map_scores(inputs, self.data_format, self.pool_size, self.pool_strides)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "top_rate": self.top_rate,
            "pool_size": self.pool_size,
            "pool_strides": self.pool_strides,
            "data_format": self.data_format,
        }
