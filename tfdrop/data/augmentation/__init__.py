"""Augmentation as Keras layers, so that it runs on the device with the network, follows a seed and is saved with it.

One layer per file; `policies` names the papers' combinations of them, and `evaluation_crops` cuts the crops for testing
a network. Each layer is active in training only. A new layer is listed here and in `tfdrop.registration`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "crop": ["RandomCrop"],
        "dihedral": ["RandomDihedral"],
        "evaluation_crops": ["centre_crop", "ten_crop_model", "ten_crops"],
        "flip": ["RandomHorizontalFlip"],
        "lighting": ["RandomLighting", "colour_axes"],
        "policies": ["POLICIES", "augmentation"],
        "resized_crop": ["RandomResizedCrop"],
        "shift": ["RandomShift"],
    },
)
