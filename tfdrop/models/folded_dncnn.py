"""DnCNN without its batch normalization, which a trained network does not need."""

import keras
import numpy as np

from tfdrop.models.dncnn import DnCNN


def fold_batch_norm(denoiser: keras.Model) -> keras.Model:
    """Returns a DnCNN that denoises as another does, its batch normalization folded into kernels and biases.

    What the network computes in inference mode is then what it computes in training, whatever the batch: further
    training starts from what was tested, where small batches' own statistics would be far from it.

    Args:
        denoiser: A `DnCNN`. One without batch normalization is copied.

    Returns:
        A `DnCNN(batch_norm=False)` in float32.

    >>> import numpy as np
    >>> denoiser, x = DnCNN(depth=4, filters=3, seed=1), np.random.default_rng(0).random((1, 6, 7, 1)).astype("float32")
    >>> folded = fold_batch_norm(denoiser)
    >>> bool(np.allclose(folded(x), denoiser(x), atol=1e-6)), len(folded.layers) < len(denoiser.layers)
    (True, True)
    """
    convolutions = [layer for layer in denoiser.layers if isinstance(layer, keras.layers.Conv2D)]
    _, _, given, filters = convolutions[0].kernel.shape
    channels = convolutions[-1].filters
    folded = DnCNN(len(convolutions), filters, channels, batch_norm=False, noise_map=given == channels + 1)
    for index, convolution in enumerate(convolutions, start=1):
        kernel, *biases = (np.asarray(each, "float64") for each in convolution.get_weights())
        bias = biases[0] if biases else np.zeros(convolution.filters)
        normalization = next((layer for layer in denoiser.layers if layer.name == f"bn{index}"), None)
        if normalization is not None:
            gamma, beta, mean, variance = (np.asarray(each, "float64") for each in normalization.get_weights())
            factor = gamma / np.sqrt(variance + normalization.epsilon)
            kernel, bias = kernel * factor, beta + (bias - mean) * factor
        folded.get_layer(f"conv{index}").set_weights([kernel, bias])
    return folded
