"""Networks, one family a file, and where drop layers stand in them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "all_cnn": ["AllCNN"],
        "densenet": ["DenseNet"],
        "dncnn": ["DnCNN"],
        "dncnn_weights": ["load_dncnn"],
        "networks": ["NETWORKS", "build"],
        "placements": ["PLACEMENTS", "Site", "placement"],
        "resnet": ["CifarResNet", "ImageNetResNet"],
        "resnext": ["ResNeXt"],
        "vgg": ["VGG19"],
        "wide_resnet": ["WideResNet"],
    },
)
