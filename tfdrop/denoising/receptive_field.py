"""How far a denoiser looks: what its output at a pixel depends on."""

import keras
from keras import layers

# Layers whose output at a pixel depends on the input at that pixel alone.
POINTWISE = {
    *("InputLayer", "BatchNormalization", "ReLU", "LeakyReLU", "ELU", "Activation", "Rescaling", "Identity"),
    *("Dropout", "SpatialDropout2D", "GaussianNoise", "Add", "Subtract", "Multiply", "Concatenate", "Split"),
}


def receptive_radius(model: keras.Model) -> int | None:
    """Returns how many pixels away an input may lie that an output pixel depends on, or `None` if that is not known.

    It is known for a network of convolutions with stride 1 and `padding="same"` and of layers that treat every pixel by
    itself, such as DnCNN: 17 for 17 layers of 3x3. Elsewhere tiles would show.

    >>> from tfdrop.models import DnCNN
    >>> receptive_radius(DnCNN(depth=17, filters=2))
    17
    """
    radius = 0
    for operation in model.layers if isinstance(model, keras.Sequential) else getattr(model, "operations", [None]):
        if isinstance(operation, keras.Model):
            inner = receptive_radius(operation)
            if inner is None:
                return None
            radius += inner
        elif isinstance(operation, layers.Conv2D):
            if operation.padding != "same" or operation.strides != (1, 1):
                return None
            sizes = zip(operation.kernel_size, operation.dilation_rate, strict=True)
            radius += max(size // 2 * dilation for size, dilation in sizes)
        elif type(operation).__name__ not in POINTWISE or getattr(operation, "axis", -1) not in (-1, 3):
            return None
    return radius
