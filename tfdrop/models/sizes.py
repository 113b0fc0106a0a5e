"""How large the networks are; known without building any, and without a deep-learning backend."""

# Multiplications of one image's forward pass in millions, and convolutions one after the other, of the networks with
# 10 classes; the first 16 for images of 32x32 pixels, the last three for 224x224.
NETWORKS = {
    "resnet8": (12.2, 7),
    "resnet20": (40.6, 19),
    "resnet32": (68.9, 31),
    "resnet56": (125, 55),
    "resnet110": (253, 109),
    "resnet152": (352, 151),
    "resnet56_bottleneck": (87.2, 55),
    "resnet110_bottleneck": (167, 109),
    "wrn20_4": (644, 19),
    "wrn20_8": (2570, 19),
    "wrn28_10": (5243, 25),
    "resnext29_8x64d": (5387, 28),
    "densenet40": (265, 39),
    "densenet_bc100": (288, 99),
    "vgg19_bn": (398, 16),
    "allcnn_c": (271, 9),
    "resnet18_imagenet": (1794, 17),
    "resnet34_imagenet": (3644, 33),
    "resnet50_imagenet": (4087, 49),
}
