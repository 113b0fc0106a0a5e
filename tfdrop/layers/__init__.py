"""Drop layers: Keras layers that drop or rescale feature maps while a network trains."""

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
