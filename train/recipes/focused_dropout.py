"""FocusedDropout (Xie et al.): Tables 1 to 4 and Fig. 6. Its accuracies are those of the best epoch.

ResNet-56 and -110 are the bottleneck template, "DenseNet" and "WRN28" DenseNet-BC-100 and WRN-28-10: see the networks'
docstrings.

What the paper leaves out: the epochs (what the drops of the learning rate suggest); batch size, learning rate and
optimizer (everybody's); the weight decay (5e-4: the best magnified one, 1e-3 by section 5.2.3, is twice as much); the
rates of the rivals (0.1, and blocks of 7 as in DropBlock's paper).
"""

from typing import Any

from train.recipes.recipe import Paper, Recipe, cells, number

ALL = {
    "activation": "relu",
    "rounds": 1,
    "validation_samples": [0],
    "augment": "crop",
    "augment_from_round": 1,
    "batch_size": 128,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "learning_rate_factor": 0.1,
    "weight_decay": 5e-4,
}
EPOCHS = {"epochs": 300, "learning_rate_drops": [150.0, 225.0]}
EPOCHS_WRN = {"epochs": 200, "learning_rate_drops": [60.0, 120.0, 160.0]}

MODELS = {
    "ResNet20": "resnet20",
    "ResNet56": "resnet56_bottleneck",
    "ResNet110": "resnet110_bottleneck",
    "VggNet19": "vgg19_bn",
    "DenseNet": "densenet_bc100",
    "WRN28": "wrn28_10",
}

OUTPUT = {"placement": "penultimate_group"}
# Gamma from the text of eq. (4) and section 5.1.1; Algorithm 1 has (0.6, 0.9).
FOCUSED = {"drop": "focused_dropout", **OUTPUT, "gamma": [0.3, 0.6], "participation_rate": 0.1}
MAGNIFIED = {"magnified_weight_decay": 1e-3}
DROPS: dict[str, Any] = {
    "Baseline": {"drop": "none"},
    "Dropout": {"drop": "dropout", **OUTPUT, "rate": 0.1},
    "SpatialDropout": {"drop": "spatial_dropout", **OUTPUT, "rate": 0.1},
    "DropBlock": {"drop": "drop_block", "placement": "first_two_groups", "rate": 0.1, "block_size": 7},
    "FocusedDropout": {**FOCUSED, **MAGNIFIED},
}

TABLE_1 = """
                ResNet20    ResNet56    ResNet110   VggNet19    DenseNet    WRN28
Baseline        91.48±0.21  93.84±0.23  94.32±0.16  93.55±0.24  95.30±0.12  96.16±0.06
Dropout         91.51±0.31  93.74±0.11  94.52±0.23  93.14±0.30  95.32±0.08  96.07±0.04
SpatialDropout  91.98±0.13  94.28±0.20  94.76±0.15  93.19±0.12  95.40±0.16  96.13±0.02
DropBlock       92.15±0.14  94.01±0.08  94.92±0.07  93.50±0.04  95.40±0.31  96.21±0.03
FocusedDropout  92.08±0.17  94.67±0.07  95.24±0.15  93.74±0.19  95.57±0.16  96.48±0.13
"""
TABLE_2 = """
                ResNet20    ResNet56    ResNet110   VggNet19    DenseNet    WRN28
Baseline        69.85±0.20  73.71±0.28  74.71±0.23  73.14±0.16  77.25±0.20  81.27±0.20
Dropout         69.81±0.12  73.81±0.27  74.69±0.33  73.01±0.21  77.45±0.12  81.21±0.11
SpatialDropout  69.71±0.05  74.38±0.17  74.76±0.12  72.84±0.21  77.97±0.16  81.40±0.30
DropBlock       70.03±0.11  73.92±0.10  74.92±0.07  73.01±0.04  77.33±0.09  81.15±0.09
FocusedDropout  70.27±0.06  74.97±0.16  76.43±0.17  73.91±0.19  78.35±0.16  81.90±0.11
"""
# Tiny ImageNet, under the name of its download.
TABLE_3 = """
                ResNet110
Baseline        62.42±0.25
Dropout         62.32±0.05
SpatialDropout  62.55±0.10
DropBlock       63.13±0.29
FocusedDropout  64.58±0.16
"""
# ResNet-56 on CIFAR-100. (The baseline's spread is 0.28 in Table 2.)
TABLE_4: dict[str, Any] = {
    "baseline": ("73.71±0.23", DROPS["Baseline"]),
    "magnified_only": ("74.27±0.15", {"drop": "none", "participation_rate": 0.1, **MAGNIFIED}),
    "focused_only": ("74.32±0.11", FOCUSED),
    "opposite_only": ("73.96±0.08", {**FOCUSED, "inverted": True}),
    "opposite": ("74.31±0.14", {**FOCUSED, **MAGNIFIED, "inverted": True}),
    "focused_dropout": ("74.97±0.16", DROPS["FocusedDropout"]),
}

# Likewise. The text has the range of (a), the values of (b) and the best of (c), whose other values are ours; its only
# accuracies are those that are Table 4's too. Runs of (b) report the share of the units that is kept as well.
BEST = "74.97±0.16"
FIG_6: dict[str, Any] = {
    "fig6a": ("participation_rate", {0.0: "73.71±0.23", 0.05: "-", 0.1: BEST, 0.2: "-", 0.3: "-", 0.4: "-"}),
    "fig6b": ("gamma", {(0.3,): "-", (0.6,): "-", (0.9,): "-", (0.3, 0.6): BEST}),
    "fig6c": ("magnified_weight_decay", {5e-4: "74.32±0.11", 7.5e-4: "-", 1e-3: BEST, 1.5e-3: "-", 2e-3: "-"}),
}

# Section 5.3 has the two accuracies of ResNet-50, the backbone of its detector, and none of the settings: these are the
# usual ones of ResNet-50, ours. The magnified decay is twice the other, as in the text's other experiments.
IMAGENET: dict[str, Any] = {
    **ALL,
    "dataset": "imagenet2012",
    "image_size": 256,
    "model": "resnet50_imagenet",
    "validation_samples": [0],
    "preprocessing": "pixel_mean",
    "crop_size": 224,
    "augment": "lighting",
    "epochs": 90,
    "batch_size": 256,
    "learning_rate_drops": [30.0, 60.0, 80.0],
    "weight_decay": 1e-4,
}


def recipes():
    """Returns the paper's recipes by name."""
    return {
        **_table(TABLE_1, "table1", "cifar10"),
        **_table(TABLE_2, "table2", "cifar100"),
        **_table(TABLE_3, "table3", "tiny-imagenet-200"),
        **{
            f"focused_dropout/table4/{row}": _resnet56(drop, cell, "Table 4", row)
            for row, (cell, drop) in TABLE_4.items()
        },
        **_fig_6(),
        "focused_dropout/fig5/magnified_only": Recipe(
            {"dataset": "cifar100", "model": MODELS["ResNet110"], **ALL, **EPOCHS, **TABLE_4["magnified_only"][1]},
            Paper(),
            "FocusedDropout, Fig. 5, ResNet110, randomly magnified weight decay",
        ),
        **_imagenet(),
    }


def _table(table, name, dataset):
    found = {}
    for drop, column, cell in cells(table):
        model = MODELS[column]
        settings = {"dataset": dataset, "model": model, **ALL, **(EPOCHS_WRN if column == "WRN28" else EPOCHS)}
        short = DROPS[drop]["drop"]
        found[f"focused_dropout/{name}/{model.removesuffix('_bottleneck')}/{short}"] = Recipe(
            {**settings, **DROPS[drop]}, _accuracy(cell), f"FocusedDropout, Table {name[-1]}, {column}, {drop}"
        )
    return found


def _resnet56(drop, cell, place, row):
    settings = {"dataset": "cifar100", "model": MODELS["ResNet56"], **ALL, **EPOCHS, **drop}
    return Recipe(settings, _accuracy(cell), f"FocusedDropout, {place}, {row}")


def _fig_6():
    found = {}
    for figure, (setting, points) in FIG_6.items():
        for value, cell in points.items():
            several = isinstance(value, tuple)
            drop = {**DROPS["FocusedDropout"], setting: list(value) if several else value}
            point = "_".join(map(str, value)) if several else f"{value:g}"
            place = f"Fig. 6{figure[-1]}"
            found[f"focused_dropout/{figure}/{point}"] = _resnet56(drop, cell, place, f"{setting} {point}")
    return found


def _imagenet():
    focused = {**FOCUSED, "magnified_weight_decay": 2 * IMAGENET["weight_decay"]}
    rows = {"baseline": (76.32, {"drop": "none"}), "focused_dropout": (76.84, focused)}
    return {
        f"focused_dropout/imagenet/{row}": Recipe(
            {**IMAGENET, **drop}, Paper(accuracy=accuracy), f"FocusedDropout, section 5.3, ResNet-50 on ImageNet, {row}"
        )
        for row, (accuracy, drop) in rows.items()
    }


def _accuracy(cell):
    return Paper() if cell == "-" else number(cell, "accuracy", runs=3, best_epoch=True)
