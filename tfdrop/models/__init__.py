"""Networks, one family a file."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"dncnn": ["DnCNN"], "dncnn_weights": ["load_dncnn"]},
)
