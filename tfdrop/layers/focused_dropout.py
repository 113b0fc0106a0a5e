"""FocusedDropout: keeps the places where the most active feature map is strongly active."""

from typing import Any, Self

import keras
from keras import ops

from tfdrop.arguments import check_choice, check_flag, check_share, invalid
from tfdrop.layers.feature_maps import channel_axis, check_feature_maps, greatest, spatial_axes, standardize_data_format
from tfdrop.layers.hashed_draws import uniform
from tfdrop.layers.participation import Participation
from tfdrop.layers.rated_layer import Rate
from tfdrop.layers.seeded_layer import SeededLayer


@keras.saving.register_keras_serializable("tfdrop")
class FocusedDropout(SeededLayer):
    """Keeps, in some of the batches, only the places where the most active feature map is strongly active.

    In a batch that takes part, each sample's reference channel is the one with the greatest mean; the units of all
    channels are kept where the reference exceeds `gamma` times its maximum, and set to zero elsewhere. Nothing is
    rescaled. At inference, and in batches that do not take part, the layer is the identity. The gradient treats the
    mask as a constant.

    The paper contradicts itself about gamma and leaves other things open. What is decided here:

    - The text at eq. (4) and section 5.1.1 draw gamma from (0.3, 0.6), Algorithm 1, line 8, from (0.6, 0.9) and anew
      for every unit. The default is the text's, one gamma per sample, "because different images have different numbers
      of features". Algorithm 1 to the letter is `gamma=(0.6, 0.9), gamma_per="unit"`.
    - One coin per batch decides whether it takes part ("we randomly choose 10% of batches", section 4).
    - A sample whose reference channel has no positive activation passes unchanged; otherwise it would be wiped out.

    Layers with the same `Participation` take part in the same batches, in which a `MagnifiedWeightDecay` with that
    `Participation` is magnified; its docstring has a complete example. A layer with a number tosses its own coin.

    Args:
        gamma: Two floats in [0, 1) between which the threshold's share of the maximum is drawn, or one that is fixed.
        participation_rate: Float in [0, 1] or a schedule from `tfdrop.schedules`: the probability that a batch takes
            part. Or the `Participation` layer whose coin to share.
        gamma_per: `"sample"`, or `"unit"` as in Algorithm 1.
        inverted: Whether to drop the focused area and keep the rest, the "opposite approach" of section 5.2.4.
        data_format: `"channels_last"` or `"channels_first"`; by default that of Keras's configuration.
        seed: Optional integer seed, for the coin too. The same seed gives the same masks on every backend.
        **kwargs: The usual arguments of a layer.

    Attributes:
        participation: The `Participation` whose coin decides; assigning its `rate` takes effect at once.
        kept_share: The share of the units that was kept: the mean over all samples of all batches that took part since
            the last `reset_kept_share()`, or None if no batch did. Over an epoch it is the paper's "keeping_ratio"
            (Fig. 6b), which section 5.2.2 mistakenly defines as the share of zeros. `RateLogger` reports it.

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
        Xie et al., "FocusedDropout for Convolutional Neural Network", 2021, eq. (1) to (5) and Algorithm 1.

    >>> import numpy as np
    >>> maps = np.array([[[0.1, 5.0], [0.9, 6.0], [1.0, 7.0], [0.2, 9.0]]], "float32")  # one spatial axis, 2 channels
    >>> layer = FocusedDropout(gamma=0.7, participation_rate=1.0, data_format="channels_last")
    >>> np.asarray(layer(maps, training=True))[0, :, 1].tolist()  # where the second channel exceeds 0.7 * 9
    [0.0, 0.0, 7.0, 9.0]
    >>> layer.kept_share
    0.5
    """

    def __init__(
        self,
        gamma: float | tuple[float, float] = (0.3, 0.6),
        participation_rate: Rate | Participation = 0.1,
        gamma_per: str = "sample",
        inverted: bool = False,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.gamma = _check_gamma(gamma)
        self.gamma_per = check_choice("gamma_per", gamma_per, ("sample", "unit"))
        self.inverted = check_flag("inverted", inverted)
        self.data_format = standardize_data_format(data_format)
        self.shares_coin = isinstance(participation_rate, Participation)
        if not isinstance(participation_rate, Participation):
            participation_rate = self._own_participation(participation_rate)
        self.participation = participation_rate
        self._kept_sum, self._kept_samples = (
            self.add_weight(name=name, shape=(), dtype="float32", initializer="zeros", trainable=False, autocast=False)
            for name in ("kept_sum", "kept_samples")
        )

    def _own_participation(self, rate: Rate) -> Participation:
        if not callable(rate):
            check_share("participation_rate", rate)
        return Participation(rate, seed=self.seed, name=f"{self.name}_participation")

    def build(self, input_shape: tuple) -> None:
        check_feature_maps(input_shape, self.data_format)
        if not self.shares_coin:
            self.participation.build(input_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        if not self.shares_coin:
            self.participation.toss()
        state = self.seed_generator.next()
        # Nine batches out of ten do not take part: a condition saves them the work.
        participates = self.participation.read()
        kept = ops.cond(participates, lambda: self._focused_area(inputs, state), lambda: self._all_places(inputs))
        self._count(kept, participates)
        return self._keep(inputs, kept, participates)

    @property
    def kept_share(self) -> float | None:
        if not (samples := float(ops.convert_to_numpy(self._kept_samples))):
            return None
        return float(ops.convert_to_numpy(self._kept_sum)) / samples

    def reset_kept_share(self) -> None:
        """Starts a new mean of the kept share. Call it at the start of each epoch, as `RateLogger` does."""
        self._kept_sum.assign(0.0)
        self._kept_samples.assign(0.0)

    def _count(self, kept: Any, participates: Any) -> None:
        shares = ops.mean(ops.cast(kept, "float32"), axis=tuple(range(1, len(kept.shape))))
        self._kept_sum.assign_add(ops.where(participates, ops.sum(shares), 0.0))
        self._kept_samples.assign_add(ops.where(participates, ops.cast(ops.shape(kept)[0], "float32"), 0.0))

    def _keep(self, inputs: Any, kept: Any, participates: Any) -> Any:
        """Drops the units at places that are not kept."""
        kept = ops.cast(kept, inputs.dtype)
        # What the derivative of a branch needs, XLA would store: the mask of every map, as large as the inputs. The
        # other batches are multiplied by 1 there, where TensorFlow's graphs leave them as they are.
        if keras.backend.backend() == "jax":
            return inputs * kept
        return ops.cond(participates, lambda: inputs * kept, lambda: inputs)

    def _all_places(self, inputs: Any) -> Any:
        shape = list(ops.shape(inputs))
        shape[channel_axis(self.data_format, len(shape))] = 1
        return ops.ones(shape, "bool")

    def _focused_area(self, inputs: Any, state: Any) -> Any:
        """Returns which places of each sample are kept: bool, one channel."""
        reference = self._reference(ops.stop_gradient(inputs))
        axes = tuple(range(1, len(inputs.shape)))
        peak = greatest(reference, axis=axes, keepdims=True)
        focused = reference > self._draw_gamma(reference, state) * peak
        return ops.logical_or(ops.logical_xor(focused, self.inverted), peak <= 0)

    def _reference(self, inputs: Any) -> Any:
        """Returns each sample's map with the greatest mean, the first if there are ties: float32, one channel."""
        rank = len(inputs.shape)
        channel = channel_axis(self.data_format, rank)
        means = ops.mean(ops.cast(inputs, "float32"), axis=spatial_axes(self.data_format, rank), keepdims=True)
        chosen = ops.argmax(means, axis=channel, keepdims=True)
        return ops.cast(ops.take_along_axis(inputs, chosen, axis=channel), "float32")

    def _draw_gamma(self, reference: Any, state: Any) -> Any:
        lowest, highest = self.gamma
        channel = channel_axis(self.data_format, len(reference.shape))
        shape = [size for axis, size in enumerate(ops.shape(reference)) if axis != channel]
        if self.gamma_per == "sample":
            shape[1:] = [1] * len(shape[1:])
        return lowest + (highest - lowest) * ops.expand_dims(uniform(state, shape), channel)

    def saved_variables(self) -> dict[str, Any]:
        return {"kept_sum": self._kept_sum, "kept_samples": self._kept_samples}

    def seed_generators(self) -> list[keras.random.SeedGenerator]:
        own = [] if self.shares_coin else self.participation.seed_generators()
        return super().seed_generators() + own

    def get_config(self) -> dict[str, Any]:
        own_rate = self.participation.get_config()["rate"]
        return {
            **super().get_config(),
            "gamma": list(self.gamma),
            "participation_rate": {"shared_with": self.participation.name} if self.shares_coin else own_rate,
            "gamma_per": self.gamma_per,
            "inverted": self.inverted,
            "data_format": self.data_format,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        rate = config["participation_rate"]
        if isinstance(rate, dict) and "shared_with" in rate:
            rate = Participation.named(rate["shared_with"])
        elif isinstance(rate, dict):
            rate = keras.saving.deserialize_keras_object(rate)
        return super().from_config({**config, "participation_rate": rate})


def _check_gamma(gamma: float | tuple[float, float]) -> tuple[float, float]:
    """Returns the two ends of gamma's interval."""
    ends = gamma if isinstance(gamma, (tuple, list)) else (gamma, gamma)
    if len(ends) != 2:
        raise invalid("gamma", "a float or two floats", gamma)
    lowest, highest = (check_share("gamma", end, below_one=True) for end in ends)
    if lowest > highest:
        raise invalid("gamma", "two floats in increasing order", gamma)
    return lowest, highest
