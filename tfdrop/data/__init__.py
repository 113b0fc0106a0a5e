"""Data: image sets and photographs, how they are divided, preprocessed and augmented, and samples in arrays.

What turns files into arrays, and arrays into what a network trains on, belongs here; training does not. Nothing here
knows what the data is used for. Importing it loads neither Keras nor TensorFlow: `augmentation` needs Keras, and only
data sets of TensorFlow Datasets need TensorFlow, when they are opened.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["augmentation", "images", "preprocessing", "sets"],
    submod_attrs={
        "images.gaussian_noise": ["noisy_image", "noisy_patches"],
        "images.grey": ["Image", "read_folder", "read_image"],
        "images.patches": ["Patches", "draw_patches"],
        "images.photographs": ["photographs"],
        "preprocessing.standardization": ["Standardization", "fit_channels", "fit_pixel_mean"],
        "preprocessing.whitening": ["Whitening", "fit_whitening"],
        "sets.image_set": ["ImageSet", "save_image_set"],
        "sets.named": ["load_image_set"],
        "sets.splits": ["Split", "split_for_validation"],
        "sets.streamed_images": ["StreamedImages"],
    },
)
