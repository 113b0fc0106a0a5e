"""The states of a model's random layers: what a training sets at every step."""

import keras

from tfdrop.layers.participation import Participation


def random_states(model: keras.Model) -> list[keras.Variable]:
    """Returns the states `(seed, draws)` of all random layers of a model, in order."""
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def states_of_samples(model: keras.Model) -> list[keras.Variable]:
    """Returns those of the layers that draw for each sample; the coin of a `Participation` is the whole batch's."""
    coins = [layer for layer in model._flatten_layers() if isinstance(layer, Participation)]
    of_batches = {id(variable) for layer in coins for variable in layer.variables}
    return [state for state in random_states(model) if id(state) not in of_batches]
