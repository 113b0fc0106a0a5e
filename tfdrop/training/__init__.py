"""Training at full speed: data on the device, many steps per dispatch, resumable to the bit.

What takes the steps belongs here, with its record and its checkpoints; what is trained, and for how long, does not.
One file per backend holds the compiled steps.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"loop": ["Training"], "repetition": ["repeated"]}
)
