"""What every layer that draws at random keeps: its seed and the number of training steps it has seen."""

from typing import Any, Self

import keras
from keras import ops
from keras.src.backend.common import global_state

from tfdrop.arguments import check_whole


class SeededLayer(keras.layers.Layer):
    """A layer that draws at random while the network trains, and that continues where it stopped once it is loaded.

    The seed and the step are kept in a `keras.random.SeedGenerator`: the second number of its state counts the draws,
    and the layer draws once per training call, so that number is the step. Keras itself does not save this state, so
    an interrupted run would repeat its masks from the start. Here every format keeps it: `.keras`, `.weights.h5`,
    `tf.train.Checkpoint`, and models in the legacy `.h5` format. Only `load_weights` from a legacy `.h5` file leaves
    the state as it is, because Keras stores nothing but weights for it there.

    Args:
        seed: Optional integer seed.
        **kwargs: The usual arguments of a layer.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed if seed is None else check_whole("seed", seed, lowest=0)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.supports_masking = True

    @property
    def step(self) -> int:
        """The number of training steps the layer has seen."""
        return int(ops.convert_to_numpy(self.seed_generator.state)[1])

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def saved_variables(self) -> dict[str, Any]:
        """Returns the variables that a weights file holds besides the random state, by name."""
        return {}

    def save_own_variables(self, store: Any) -> None:
        for name, variable in {"seed_generator_state": self.seed_generator.state, **self.saved_variables()}.items():
            store[name] = variable

    def load_own_variables(self, store: Any) -> None:
        # The weights of a network that was trained without this layer hold nothing for it: it then starts afresh.
        saved = store.keys()
        if not saved:
            return
        self.seed_generator.state.assign(store["seed_generator_state"])
        for name, variable in self.saved_variables().items():
            if name in saved:  # files written by an earlier version may lack a variable
                variable.assign(store[name])

    def _trackable_children(self, save_type: str = "checkpoint", **kwargs: Any) -> dict[str, Any]:
        # What tf.train.Checkpoint saves and restores; on other backends nothing calls this.
        children = super()._trackable_children(save_type, **kwargs)
        if save_type == "checkpoint":
            children["seed_generator_state"] = self.seed_generator.state.value
        return children

    def seed_generators(self) -> list[keras.random.SeedGenerator]:
        """Returns the generators whose states a legacy `.h5` file has to keep."""
        return [self.seed_generator]

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "seed": self.seed}
        if _saving_legacy_hdf5():
            states = [ops.convert_to_numpy(generator.state) for generator in self.seed_generators()]
            config["random_states"] = [[int(number) for number in state] for state in states]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        states = config.get("random_states", [])
        layer = super().from_config({name: value for name, value in config.items() if name != "random_states"})
        for generator, state in zip(layer.seed_generators(), states, strict=False):
            generator.state.assign(state)
        return layer


def _saving_legacy_hdf5() -> bool:
    """Tells whether Keras asks for a config to write into a legacy `.h5` file.

    Such a file holds configs and weights, and calls neither `save_own_variables` nor anything like it, so the config is
    the only place for the random state. In every other config it would be wrong: a clone starts at step 0.
    """
    return bool(global_state.get_global_attribute("use_legacy_config", False))
