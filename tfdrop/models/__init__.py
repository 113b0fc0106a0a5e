"""The papers' networks, one family per file, and the positions of drop layers in them.

`build` builds a network by its name; `placement` says where its drop layers go. `Network` (in `network`) is what the
families are written with: it creates the layers, offers each position to the drop function and seeds the initial
weights. Networks know nothing of training or tasks. A new network gets a file, a line here and a name in `networks`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "all_cnn": ["AllCNN"],
        "densenet": ["DenseNet"],
        "dncnn": ["DnCNN"],
        "dncnn_weights": ["load_dncnn"],
        "folded_dncnn": ["fold_batch_norm"],
        "networks": ["NETWORKS", "build"],
        "placements": ["PLACEMENTS", "Site", "placement"],
        "resnet": ["CifarResNet", "ImageNetResNet"],
        "resnext": ["ResNeXt"],
        "vgg": ["VGG19"],
        "wide_resnet": ["WideResNet"],
    },
)
