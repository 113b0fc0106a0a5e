"""Training at full speed: data on the device, many steps a dispatch, resumable to the bit."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"loop": ["Training"]})
