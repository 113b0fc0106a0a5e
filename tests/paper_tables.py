"""The papers' classification settings and numbers, typed from the papers once more and apart from the recipes.

A group has the settings that its recipes share, and a line a recipe: its name within the group, then what differs, then
the paper's numbers after `:`: the test error, or the accuracy as `acc`, `±` its spread, `top5` and `count` (unfavorable
samples). Epochs at which the learning rate falls are absolute here.
"""

from typing import NamedTuple


class Group(NamedTuple):
    prefix: str
    settings: dict
    lines: str


SGD = {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.1, "schedule": "steps", "learning_rate_factor": 0.1}
ONCE = {"rounds": 1, "augment_from_round": 1}
TWICE = {"rounds": 2, "augment_from_round": 2, "max_drop": 1.0}
FOUR_RATES = {"rate": None, "top_rate": None, "placement": None, "gamma": None, "participation_rate": None}

# Data Dropout, section IV-A: "separate 5,000 images as validation data" is the default of `validation_samples`.
ALL_CNN = {
    **SGD, **FOUR_RATES, "model": "allcnn_c", "drop": "none", "preprocessing": "whitening", "weight_decay": 0.001,
    "epochs": 350, "drops": [200, 250, 300], "batch_size": 128, "augment": "translation", "validation_samples": [],
}  # fmt: skip
RESNET_110 = {
    **SGD, **FOUR_RATES, "model": "resnet110", "drop": "none", "preprocessing": "standardization",
    "weight_decay": 0.0001, "epochs": 500, "drops": [250, 375], "batch_size": 128, "augment": "crop",
    "validation_samples": [],
}  # fmt: skip
RESNET_152 = {**RESNET_110, "model": "resnet152", "epochs": 50, "drops": [30, 35], "augment": "none"}
DENSENET = {
    **SGD, "model": "densenet40", "preprocessing": "standardization", "weight_decay": 0.0001, "batch_size": 64,
    "validation_samples": [],
}  # fmt: skip
DENSENET_CIFAR = {**DENSENET, "epochs": 300, "drops": [150, 225], "augment": "crop"}
DENSENET_SVHN = {**DENSENET, "epochs": 40, "drops": [20, 30], "augment": "none", "drop_until_round": 0}
DROPOUT_02 = {"drop": "dropout", "rate": 0.2, "placement": "every_convolution_but_first"}
IMAGENET_10_CROP = {
    **SGD, **FOUR_RATES, "schedule": "plateau", "patience": 3, "dataset": "imagenet2012", "drop": "none",
    "preprocessing": "pixel_mean", "weight_decay": 0.001, "epochs": 60, "batch_size": 256, "crop_size": 224,
    "test_crops": 10, "augment": "lighting", "validation_samples": [50000],
}  # fmt: skip

DATA_DROPOUT = [
    Group("data_dropout/table1/allcnn_c/", ALL_CNN | ONCE, """
        cifar10 dataset=cifar10 : 7.25
        cifar100 dataset=cifar100 : 33.71
    """),
    Group("data_dropout/table1/allcnn_c_two_rounds/", ALL_CNN | TWICE, """
        cifar10 dataset=cifar10 : 5.09 count 1365
        cifar100 dataset=cifar100 : 30.67 count 1419
    """),
    Group("data_dropout/table1/resnet110/", RESNET_110 | ONCE, """
        cifar10 dataset=cifar10 : 6.41
        cifar100 dataset=cifar100 : 27.22
    """),
    Group("data_dropout/table1/resnet110_two_rounds/", RESNET_110 | TWICE, """
        cifar10 dataset=cifar10 : 4.53 count 1220
        cifar100 dataset=cifar100 : 24.98 count 1283
    """),
    Group("data_dropout/table1/", RESNET_152 | {"dataset": "svhn_cropped"}, """
        resnet152/svhn_cropped rounds=1 : 2.01
        resnet152_two_rounds/svhn_cropped rounds=2 : 1.64 count 24261
    """),
    Group("data_dropout/table1/densenet40/", DENSENET_CIFAR | ONCE | {"drop": "none"}, """
        cifar10 dataset=cifar10 : 5.24
        cifar100 dataset=cifar100 : 24.42
    """),
    Group(
        "data_dropout/table1/densenet40_two_rounds/", DENSENET_CIFAR | TWICE | DROPOUT_02 | {"drop_until_round": 1}, """
        cifar10 dataset=cifar10 : 3.62 count 1076
        cifar100 dataset=cifar100 : 22.51 count 1149
    """),
    Group("data_dropout/table1/", DENSENET_SVHN | DROPOUT_02 | {"dataset": "svhn_cropped"}, """
        densenet40/svhn_cropped rounds=1 : 1.79
        densenet40_two_rounds/svhn_cropped rounds=2 : 1.47 count 19433
    """),
    Group("data_dropout/table3/", IMAGENET_10_CROP | ONCE, """
        resnet18_imagenet model=resnet18_imagenet : 27.88
        resnet34_imagenet model=resnet34_imagenet : 25.03
    """),
    Group("data_dropout/table3/", IMAGENET_10_CROP | TWICE, """
        resnet18_imagenet_two_rounds model=resnet18_imagenet : 24.26 count 14655
        resnet34_imagenet_two_rounds model=resnet34_imagenet : 21.97 count 13142
    """),
    Group("data_dropout/", RESNET_110 | {"model": "resnet20", "dataset": "cifar10", "augment": "none"}, """
        fig1 rounds=4 count_last=True max_drop=1.0 :
    """),
]  # fmt: skip

# SelectScale, section 3.1.
SELECT_SCALE = {
    **ONCE, "optimizer": "nesterov", "momentum": 0.9, "learning_rate": 0.1, "learning_rate_factor": 0.2,
    "drops": [60, 120, 160], "epochs": 200, "batch_size": 128, "weight_decay": 0.0005, "augment": "crop",
    "validation_samples": [0], "preprocessing": "standardization", "schedule": "steps", "curriculum": 0.0,
}  # fmt: skip
EVERY = "placement=every_convolution"
RESNEXT = {
    name: value for name, value in SELECT_SCALE.items() if name not in ("epochs", "schedule", "drops", "curriculum")
} | {"model": "resnext29_8x64d", "dataset": "cifar10"}
GROUPED = "placement=group_convolutions"
RESNET_50 = {
    **SGD, **ONCE, "dataset": "imagenet2012", "model": "resnet50_imagenet", "epochs": 105, "drops": [30, 60, 90, 100],
    "batch_size": 256, "weight_decay": 0.0001, "augment": "lighting", "crop_size": 224, "test_crops": 1,
    "validation_samples": [0], "preprocessing": "pixel_mean",
}  # fmt: skip
LAST = "placement=last_two_groups curriculum=1.0"
WRN_20_8 = {**SELECT_SCALE, "model": "wrn20_8", "dataset": "cifar100", "drop": "select_scale"}

SELECT_SCALE_GROUPS = [
    Group("select_scale/table1/resnet110/", SELECT_SCALE | {"model": "resnet110", "dataset": "cifar10"}, f"""
        none            drop=none : 5.88 ± 0.13
        dropout         drop=dropout rate=0.1 {EVERY} : 5.78 ± 0.11
        spatial_dropout drop=spatial_dropout rate=0.1 {EVERY} : 5.42 ± 0.15
        spatial_scale   drop=spatial_scale rate=0.6 {EVERY} : 5.40 ± 0.06
        select_scale    drop=select_scale rate=0.6 top_rate=0.4 {EVERY} : 5.22 ± 0.08
    """),
    Group("select_scale/table1/wrn20_4/", SELECT_SCALE | {"model": "wrn20_4", "dataset": "cifar10"}, f"""
        none            drop=none : 5.04 ± 0.07
        dropout         drop=dropout rate=0.1 {EVERY} : 4.84 ± 0.06
        spatial_dropout drop=spatial_dropout rate=0.1 {EVERY} : 4.55 ± 0.07
        spatial_scale   drop=spatial_scale rate=0.6 {EVERY} : 4.64 ± 0.12
        select_scale    drop=select_scale rate=1.0 top_rate=0.2 {EVERY} : 4.24 ± 0.05
    """),
    Group("select_scale/table1/wrn20_8/", SELECT_SCALE | {"model": "wrn20_8", "dataset": "cifar10"}, f"""
        none            drop=none : 4.93 ± 0.08
        dropout         drop=dropout rate=0.1 {EVERY} : 4.37 ± 0.07
        spatial_dropout drop=spatial_dropout rate=0.1 {EVERY} : 4.21 ± 0.11
        spatial_scale   drop=spatial_scale rate=0.6 {EVERY} : 4.14 ± 0.05
        select_scale    drop=select_scale rate=0.9 top_rate=0.2 {EVERY} : 3.89 ± 0.10
    """),
    Group("select_scale/table2/resnet110/", SELECT_SCALE | {"model": "resnet110", "dataset": "cifar100"}, f"""
        none            drop=none : 26.16 ± 0.14
        dropout         drop=dropout rate=0.1 {EVERY} : 25.85 ± 0.24
        spatial_dropout drop=spatial_dropout rate=0.1 {EVERY} : 24.12 ± 0.29
        spatial_scale   drop=spatial_scale rate=0.6 {EVERY} : 24.12 ± 0.19
        select_scale    drop=select_scale rate=0.9 top_rate=0.1 {EVERY} : 23.48 ± 0.22
    """),
    Group("select_scale/table2/wrn20_4/", SELECT_SCALE | {"model": "wrn20_4", "dataset": "cifar100"}, f"""
        none            drop=none : 22.90 ± 0.21
        dropout         drop=dropout rate=0.1 {EVERY} : 22.53 ± 0.23
        spatial_dropout drop=spatial_dropout rate=0.1 {EVERY} : 21.24 ± 0.17
        spatial_scale   drop=spatial_scale rate=0.6 {EVERY} : 21.40 ± 0.08
        select_scale    drop=select_scale rate=0.9 top_rate=0.1 {EVERY} : 20.20 ± 0.18
    """),
    Group("select_scale/table2/wrn20_8/", SELECT_SCALE | {"model": "wrn20_8", "dataset": "cifar100"}, f"""
        none            drop=none : 20.99 ± 0.18
        dropout         drop=dropout rate=0.1 {EVERY} : 20.78 ± 0.19
        spatial_dropout drop=spatial_dropout rate=0.1 {EVERY} : 19.70 ± 0.27
        spatial_scale   drop=spatial_scale rate=0.8 {EVERY} : 19.50 ± 0.23
        select_scale    drop=select_scale rate=0.9 top_rate=0.2 {EVERY} : 18.52 ± 0.22
    """),
    Group("select_scale/table3/", RESNEXT, f"""
        200_none drop=none epochs=200 schedule=steps drops=60,120,160 curriculum=0.0 : 4.19
        200_ca_none drop=none epochs=200 schedule=cosine curriculum=0.0 : 4.07
        600_ca_none drop=none epochs=600 schedule=cosine curriculum=0.0 : 3.51
        600_ca_dropout drop=dropout rate=0.1 {GROUPED} epochs=600 schedule=cosine curriculum=0.0 : 3.69
        600_ca_cd_dropout drop=dropout rate=0.1 {GROUPED} epochs=600 schedule=cosine curriculum=1.0 : 3.66
        600_ca_cd_spatial_dropout drop=spatial_dropout rate=0.1 {GROUPED} epochs=600 schedule=cosine curriculum=1.0 : 3.35
        600_ca_cd_select_scale drop=select_scale rate=0.9 top_rate=0.2 {GROUPED} epochs=600 schedule=cosine curriculum=1.0 : 3.24
    """),  # noqa: E501
    Group("select_scale/table4/", RESNET_50, f"""
        none drop=none curriculum=0.0 : 23.89 top5 7.06
        dropout drop=dropout rate=0.1 {LAST} : 23.97 top5 7.12
        spatial_dropout drop=spatial_dropout rate=0.1 {LAST} : 23.76 top5 7.04
        select_scale drop=select_scale rate=0.8 top_rate=0.1 {LAST} : 23.38 top5 6.78
    """),
    Group("select_scale/fig3/", SELECT_SCALE | {"model": "wrn20_4", "dataset": "cifar10", "drop": "none"}, f"""
        dropout test_drop=dropout test_rates=0.02,0.06,0.1,0.2,0.3,0.4,0.5 {EVERY} : 5.04 ± 0.07
        spatial_dropout test_drop=spatial_dropout test_rates=0.02,0.06,0.1,0.2,0.3,0.4,0.5 {EVERY} : 5.04 ± 0.07
        selectout test_drop=selectout test_rates=0.01,0.02,0.04,0.06,0.08,0.1,0.15,0.2 top_rate=0.2 {EVERY} : 5.04 ± 0.07
    """),  # noqa: E501
    Group("select_scale/section2.3/", SELECT_SCALE | {"model": "wrn20_4", "dataset": "cifar10", "drop": "select_scale"}, f"""
        window2 pool_size='2' rate=0.9 top_rate=0.2 {EVERY} :
        window4 pool_size='4' rate=0.9 top_rate=0.2 {EVERY} :
        window4_stride2 pool_size='4' pool_strides=2 rate=0.9 top_rate=0.2 {EVERY} :
        global pool_size='global' rate=0.9 top_rate=0.2 {EVERY} :
    """),  # noqa: E501
    Group("select_scale/fig4a/", WRN_20_8 | {"rate": 1.0, "placement": "every_convolution"}, """
        t0.1 top_rate=0.1 :
        t0.2 top_rate=0.2 :
        t0.3 top_rate=0.3 :
        t0.4 top_rate=0.4 :
        t0.5 top_rate=0.5 :
        t0.6 top_rate=0.6 :
        t0.7 top_rate=0.7 :
        t0.8 top_rate=0.8 :
        t0.9 top_rate=0.9 :
        t1 top_rate=1.0 :
    """),
    Group("select_scale/fig4b/", WRN_20_8 | {"top_rate": 0.2, "placement": "every_convolution"}, """
        q0 rate=1.0 :
        q0.1 rate=0.9 : 18.52 ± 0.22
        q0.2 rate=0.8 :
        q0.3 rate=0.7 :
        q0.4 rate=0.6 :
        q0.5 rate=0.5 :
        q0.6 rate=0.4 :
        q0.7 rate=0.3 :
        q0.8 rate=0.2 :
        q0.9 rate=0.1 :
    """),
]  # fmt: skip

# FocusedDropout, section 5.
FOCUSED = {
    **SGD, **ONCE, "epochs": 300, "drops": [150, 225], "batch_size": 128, "weight_decay": 0.0005, "augment": "crop",
    "validation_samples": [0], "preprocessing": "standardization",
}  # fmt: skip
FOCUSED_WRN = FOCUSED | {"model": "wrn28_10", "epochs": 200, "drops": [60, 120, 160]}
RIVALS = {
    "none": "drop=none magnified_weight_decay=0.0",
    "dropout": "drop=dropout rate=0.1 placement=penultimate_group magnified_weight_decay=0.0",
    "spatial": "drop=spatial_dropout rate=0.1 placement=penultimate_group magnified_weight_decay=0.0",
    "block": "drop=drop_block rate=0.1 placement=first_two_groups block_size=7 magnified_weight_decay=0.0",
    "focused": "drop=focused_dropout placement=penultimate_group gamma=0.3,0.6 participation_rate=0.1 "
    "magnified_weight_decay=0.001 inverted=False",
}
PLACED = "drop=focused_dropout placement=penultimate_group"
RESNET_56 = FOCUSED | {"model": "resnet56_bottleneck", "dataset": "cifar100"}


def _network(table, dataset, settings, name, none, dropout, spatial, block, focused):
    """One column of FocusedDropout's tables."""
    return Group(f"focused_dropout/{table}/{name}/", settings | {"dataset": dataset}, f"""
        none {RIVALS["none"]} : {none}
        dropout {RIVALS["dropout"]} : {dropout}
        spatial_dropout {RIVALS["spatial"]} : {spatial}
        drop_block {RIVALS["block"]} : {block}
        focused_dropout {RIVALS["focused"]} : {focused}
    """)  # fmt: skip


RESNET20, RESNET110 = FOCUSED | {"model": "resnet20"}, FOCUSED | {"model": "resnet110_bottleneck"}
RESNET56 = FOCUSED | {"model": "resnet56_bottleneck"}
VGG19, DENSENET_BC = FOCUSED | {"model": "vgg19_bn"}, FOCUSED | {"model": "densenet_bc100"}

FOCUSED_DROPOUT = [
    _network("table1", "cifar10", RESNET20, "resnet20",
             "acc 91.48 ± 0.21", "acc 91.51 ± 0.31", "acc 91.98 ± 0.13", "acc 92.15 ± 0.14", "acc 92.08 ± 0.17"),
    _network("table1", "cifar10", RESNET56, "resnet56",
             "acc 93.84 ± 0.23", "acc 93.74 ± 0.11", "acc 94.28 ± 0.20", "acc 94.01 ± 0.08", "acc 94.67 ± 0.07"),
    _network("table1", "cifar10", RESNET110, "resnet110",
             "acc 94.32 ± 0.16", "acc 94.52 ± 0.23", "acc 94.76 ± 0.15", "acc 94.92 ± 0.07", "acc 95.24 ± 0.15"),
    _network("table1", "cifar10", VGG19, "vgg19_bn",
             "acc 93.55 ± 0.24", "acc 93.14 ± 0.30", "acc 93.19 ± 0.12", "acc 93.50 ± 0.04", "acc 93.74 ± 0.19"),
    _network("table1", "cifar10", DENSENET_BC, "densenet_bc100",
             "acc 95.30 ± 0.12", "acc 95.32 ± 0.08", "acc 95.40 ± 0.16", "acc 95.40 ± 0.31", "acc 95.57 ± 0.16"),
    _network("table1", "cifar10", FOCUSED_WRN, "wrn28_10",
             "acc 96.16 ± 0.06", "acc 96.07 ± 0.04", "acc 96.13 ± 0.02", "acc 96.21 ± 0.03", "acc 96.48 ± 0.13"),
    _network("table2", "cifar100", RESNET20, "resnet20",
             "acc 69.85 ± 0.20", "acc 69.81 ± 0.12", "acc 69.71 ± 0.05", "acc 70.03 ± 0.11", "acc 70.27 ± 0.06"),
    _network("table2", "cifar100", RESNET56, "resnet56",
             "acc 73.71 ± 0.28", "acc 73.81 ± 0.27", "acc 74.38 ± 0.17", "acc 73.92 ± 0.10", "acc 74.97 ± 0.16"),
    _network("table2", "cifar100", RESNET110, "resnet110",
             "acc 74.71 ± 0.23", "acc 74.69 ± 0.33", "acc 74.76 ± 0.12", "acc 74.92 ± 0.07", "acc 76.43 ± 0.17"),
    _network("table2", "cifar100", VGG19, "vgg19_bn",
             "acc 73.14 ± 0.16", "acc 73.01 ± 0.21", "acc 72.84 ± 0.21", "acc 73.01 ± 0.04", "acc 73.91 ± 0.19"),
    _network("table2", "cifar100", DENSENET_BC, "densenet_bc100",
             "acc 77.25 ± 0.20", "acc 77.45 ± 0.12", "acc 77.97 ± 0.16", "acc 77.33 ± 0.09", "acc 78.35 ± 0.16"),
    _network("table2", "cifar100", FOCUSED_WRN, "wrn28_10",
             "acc 81.27 ± 0.20", "acc 81.21 ± 0.11", "acc 81.40 ± 0.30", "acc 81.15 ± 0.09", "acc 81.90 ± 0.11"),
    _network("table3", "tiny-imagenet-200", RESNET110, "resnet110",
             "acc 62.42 ± 0.25", "acc 62.32 ± 0.05", "acc 62.55 ± 0.10", "acc 63.13 ± 0.29", "acc 64.58 ± 0.16"),
    Group("focused_dropout/table4/", RESNET_56, f"""
        baseline drop=none magnified_weight_decay=0.0 : acc 73.71 ± 0.23
        magnified_only drop=none participation_rate=0.1 magnified_weight_decay=0.001 : acc 74.27 ± 0.15
        focused_only {PLACED} gamma=0.3,0.6 participation_rate=0.1 magnified_weight_decay=0.0 : acc 74.32 ± 0.11
        opposite_only {PLACED} gamma=0.3,0.6 inverted=True participation_rate=0.1 magnified_weight_decay=0.0 : acc 73.96 ± 0.08
        opposite {PLACED} gamma=0.3,0.6 inverted=True participation_rate=0.1 magnified_weight_decay=0.001 : acc 74.31 ± 0.14
        focused_dropout {RIVALS["focused"]} : acc 74.97 ± 0.16
    """),  # noqa: E501
    Group("focused_dropout/fig5/", {**RESNET_56, "model": "resnet110_bottleneck"}, """
        magnified_only drop=none participation_rate=0.1 magnified_weight_decay=0.001 :
    """),
    Group("focused_dropout/imagenet/", {"dataset": "imagenet2012", "model": "resnet50_imagenet", **ONCE}, f"""
        baseline drop=none : acc 76.32
        focused_dropout {PLACED} gamma=0.3,0.6 participation_rate=0.1 : acc 76.84
    """),
    Group("focused_dropout/fig6a/", RESNET_56 | {"magnified_weight_decay": 0.001}, f"""
        0 {PLACED} gamma=0.3,0.6 participation_rate=0.0 : acc 73.71 ± 0.23
        0.05 {PLACED} gamma=0.3,0.6 participation_rate=0.05 :
        0.1 {PLACED} gamma=0.3,0.6 participation_rate=0.1 : acc 74.97 ± 0.16
        0.2 {PLACED} gamma=0.3,0.6 participation_rate=0.2 :
        0.3 {PLACED} gamma=0.3,0.6 participation_rate=0.3 :
        0.4 {PLACED} gamma=0.3,0.6 participation_rate=0.4 :
    """),
    Group("focused_dropout/fig6b/", RESNET_56 | {"magnified_weight_decay": 0.001, "participation_rate": 0.1}, f"""
        0.3 {PLACED} gamma=0.3 :
        0.6 {PLACED} gamma=0.6 :
        0.9 {PLACED} gamma=0.9 :
        0.3_0.6 {PLACED} gamma=0.3,0.6 : acc 74.97 ± 0.16
    """),
    Group("focused_dropout/fig6c/", RESNET_56 | {"participation_rate": 0.1}, f"""
        0.0005 {PLACED} gamma=0.3,0.6 magnified_weight_decay=0.0005 : acc 74.32 ± 0.11
        0.00075 {PLACED} gamma=0.3,0.6 magnified_weight_decay=0.00075 :
        0.001 {PLACED} gamma=0.3,0.6 magnified_weight_decay=0.001 : acc 74.97 ± 0.16
        0.0015 {PLACED} gamma=0.3,0.6 magnified_weight_decay=0.0015 :
        0.002 {PLACED} gamma=0.3,0.6 magnified_weight_decay=0.002 :
    """),
]  # fmt: skip

GROUPS = [*DATA_DROPOUT, *SELECT_SCALE_GROUPS, *FOCUSED_DROPOUT]
