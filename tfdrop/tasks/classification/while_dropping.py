"""Testing a network while drop layers are at work, as in SelectScale's Fig. 3."""

import keras
from keras import layers

from tfdrop.models import placement
from tfdrop.tasks.classification.networks import copy_weights, plain_network, rated_layer
from tfdrop.tasks.classification.training import measured_errors


class AlwaysDropping(layers.Layer):
    """A drop layer that is at work in inference, too."""

    def __init__(self, layer):
        super().__init__()
        self.drop = layer

    def call(self, images):
        return self.drop(images, training=True)

    def compute_output_shape(self, input_shape):
        return input_shape


def errors_while_dropping(settings, plain, data):
    """Tests a trained network with each of the settings' `test_rates`.

    Returns:
        A list of dictionaries: the rate, and the errors as `measured_errors` has them.
    """
    results = []
    for rate in settings.test_rates:
        keras.utils.set_random_seed(settings.seed)

        def always_dropping(factor, rate=rate):
            return AlwaysDropping(rated_layer(settings.test_drop, factor * rate, settings))

        drop = placement(settings.placement, always_dropping)
        dropping = plain_network(settings, data.train[0].shape[1:], len(data.classes), drop)
        copy_weights(plain, dropping)
        results.append({"rate": rate, **measured_errors(settings, dropping, data.test)})
    return results
