"""Drop layers: Keras layers that drop or rescale feature maps while a network trains.

One layer per file, together with what several of them share: the rate that can follow a schedule (`rated_layer`), the
random state that is saved (`seeded_layer`), draws that are the same on every backend (`hashed_draws`) and the selection
of the important maps (`selection`). Layers know nothing of networks, training or influence. A new layer is listed here
and in `tfdrop.registration`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "drop_block": ["DropBlock2D"],
        "focused_dropout": ["FocusedDropout"],
        "magnified_weight_decay": ["MagnifiedWeightDecay"],
        "participation": ["Participation"],
        "rate_logger": ["RateLogger"],
        "scheduled_dropout": ["ScheduledDropout"],
        "select_scale": ["SelectScale"],
        "selectout": ["Selectout"],
        "spatial_scale": ["SpatialScale"],
    },
)
