"""Preprocessing: what is fitted on the training images once and applied to all images before any network sees them.

Each kind has a function that fits it and a tuple of arrays that applies it and can be saved. What is drawn anew in
every epoch is augmentation and belongs in `tfdrop.data.augmentation`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "standardization": ["Standardization", "fit_channels", "fit_pixel_mean"],
        "whitening": ["Whitening", "fit_whitening", "normalize_contrast"],
    },
)
