"""Single images: reading files and folders, the photographs that come with scikit-image, patches, and noise.

A file is read upright and to its full depth, as 8-bit colour for classification or as float grey for denoising. What
is labelled belongs in `tfdrop.data.sets`. (`photographs.photographs` is exported by `tfdrop.data`, as here its name is
the file's.)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "colour": ["read_colour_image", "resize", "to_colour"],
        "gaussian_noise": ["noisy_image", "noisy_patches"],
        "grey": ["FolderImages", "Image", "read_folder", "read_image", "to_grey"],
        "patches": ["Patches", "draw_patches"],
    },
)
