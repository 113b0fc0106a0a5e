"""SelectScale: random factors for the important feature maps."""

import keras
from keras import ops

from tfdrop.layers.feature_maps import per_map
from tfdrop.layers.hashed_draws import uniform
from tfdrop.layers.selection import highest, scatter_to_channels
from tfdrop.layers.selective_layer import SelectiveLayer


@keras.saving.register_keras_serializable("tfdrop")
class SelectScale(SelectiveLayer):
    """Scales the important feature maps of each sample by random factors while the network trains.

    For each sample the `top_rate * channels` maps with the greatest absolute activation (at least one; among equals
    the lower channel) are multiplied by their own factors from Uniform(1 - rate, 1 + rate). The others pass unchanged,
    and at inference all do. For the gradient the selection is a constant.

    The paper's equation and its captions disagree about the rate. Eq. (6) draws from Uniform(1 - q, 1 + q), but the
    captions call q a retaining rate, and Fig. 4's says that 0 stands for Uniform(0, 2): with eq. (6) taken literally,
    the q = 0 of Table 1 would do nothing. Here `rate` is the half-width of the interval, and a table's retaining rate q
    is `rate = 1 - q`. For Table 2 the text of section 3.3 gives other top rates than the caption: the caption holds.

    Args:
        rate: Float in [0, 1], or a schedule of `tfdrop.schedules`: the half-width of the factors' interval.
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
        ValueError: If an argument is out of its range, or the inputs are no feature maps.

    Reference:
        Chen et al., "SelectScale: Mining More Patterns from Images via Selective and Soft Dropout", 2019, eq. (6) and
        section 2.3.
    """

    def __init__(self, rate, top_rate=0.2, pool_size=None, pool_strides=None, data_format=None, seed=None, **kwargs):
        super().__init__(rate, top_rate, pool_size, pool_strides, data_format, seed=seed, **kwargs)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        state, rate = self.begin_step()
        scores = self.score(inputs)
        noise = uniform(state, (ops.shape(scores)[0], self.candidates))
        changes = scatter_to_channels(rate * (2.0 * noise - 1.0), highest(scores, self.candidates), like=scores)
        return inputs * per_map(1.0 + changes, inputs, self.data_format)
