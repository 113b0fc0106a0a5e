"""What every drop layer keeps: its seed and the number of training steps it has seen."""

import keras
from keras import ops

from tfdrop.arguments import check_whole


class SeededLayer(keras.layers.Layer):
    """A layer that draws at random while it trains, and goes on where it stopped when it is loaded.

    The seed and the step stand in a `keras.random.SeedGenerator`, the second number of whose state counts the draws:
    the layer draws once a training call, so it is the step. Keras itself saves that state in neither `.keras` nor
    `.weights.h5` files, so a run that was interrupted would play its masks again from the start.

    Args:
        seed: Optional integer seed.
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed if seed is None else check_whole("seed", seed, lowest=0)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.supports_masking = True

    @property
    def step(self):
        """How many training steps the layer has seen."""
        return int(ops.convert_to_numpy(self.seed_generator.state)[1])

    def compute_output_shape(self, input_shape):
        return input_shape

    def saved_variables(self):
        """The variables that a weights file holds beside the random state, by name."""
        return {}

    def save_own_variables(self, store):
        for name, variable in {"seed_generator_state": self.seed_generator.state, **self.saved_variables()}.items():
            store[name] = variable

    def load_own_variables(self, store):
        # The weights of a network that was trained without this layer hold nothing for it: it then starts afresh.
        if not store.keys():
            return
        self.seed_generator.state.assign(store["seed_generator_state"])
        for name, variable in self.saved_variables().items():
            variable.assign(store[name])

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
