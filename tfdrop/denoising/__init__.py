"""Training denoisers, and denoising images with them: arrays of any dtype, however large.

`denoise` takes an image as it is; `denoiser_training` trains a network; `denoise_classically` needs none. Files are
read and written by `tfdrop.data.images.picture_files`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "arrays": ["denoise"],
        "classical": ["denoise_classically"],
        "noise_level": ["estimate_noise"],
        "training": ["denoiser_training"],
    },
)
