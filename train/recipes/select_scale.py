"""SelectScale (Chen et al.): Tables 1 to 4, Fig. 3 and Fig. 4. A `rate` is 1 less the retaining rate q or p.

What the paper leaves out: the optimizer, taken from Zagoruyko and Komodakis as the learning rates are (section 3.1);
that images are mirrored too, taken from the same "common practice"; what stands beside a figure below.
"""

from typing import Any

from train.recipes.recipe import Paper, Recipe, cells, number

# Section 3.1. All of the training images are for training; the error is that of the test set.
CIFAR = {
    "activation": "relu",
    "rounds": 1,
    "validation_samples": [0],
    "augment": "crop",
    "augment_from_round": 1,
    "epochs": 200,
    "batch_size": 128,
    "optimizer": "nesterov",
    "learning_rate": 0.1,
    "learning_rate_drops": [60.0, 120.0, 160.0],
    "learning_rate_factor": 0.2,
    "weight_decay": 5e-4,
}
# Dropout's and SpatialDropout's in all tables: "the data retaining rate (p) [...] is 0.9".
PLAIN_RATE = 0.1

TABLE_1 = """
           none         dropout      spatial_dropout  spatial_scale  select_scale
resnet110  5.88 ± 0.13  5.78 ± 0.11  5.42 ± 0.15      5.40 ± 0.06    5.22 ± 0.08
wrn20_4    5.04 ± 0.07  4.84 ± 0.06  4.55 ± 0.07      4.64 ± 0.12    4.24 ± 0.05
wrn20_8    4.93 ± 0.08  4.37 ± 0.07  4.21 ± 0.11      4.14 ± 0.05    3.89 ± 0.10
"""
TABLE_2 = """
           none          dropout       spatial_dropout  spatial_scale  select_scale
resnet110  26.16 ± 0.14  25.85 ± 0.24  24.12 ± 0.29     24.12 ± 0.19   23.48 ± 0.22
wrn20_4    22.90 ± 0.21  22.53 ± 0.23  21.24 ± 0.17     21.40 ± 0.08   20.20 ± 0.18
wrn20_8    20.99 ± 0.18  20.78 ± 0.19  19.70 ± 0.27     19.50 ± 0.23   18.52 ± 0.22
"""
# The captions' retaining rates q and top rates t. The text of section 3.3 has other top rates for Table 2 (0.1, 0.2,
# 0.1): the caption holds.
RATES_1 = """
           spatial_scale q  select_scale t  select_scale q
resnet110  0.4              0.4             0.4
wrn20_4    0.4              0.2             0
wrn20_8    0.4              0.2             0.1
"""
RATES_2 = """
           spatial_scale q  select_scale t  select_scale q
resnet110  0.4              0.1             0.1
wrn20_4    0.4              0.1             0.1
wrn20_8    0.2              0.2             0.1
"""

# Epochs, schedule ("CA" is cosine annealing), curriculum ("CD"), kind of drop, error. The paper does not give the
# rates: those of Table 1, and for SelectScale those of WRN-20-8 there, with a top rate as section 4 suggests.
TABLE_3 = (
    (200, "steps", 0.0, "none", 4.19),
    (200, "cosine", 0.0, "none", 4.07),
    (600, "cosine", 0.0, "none", 3.51),
    (600, "cosine", 0.0, "dropout", 3.69),
    (600, "cosine", 1.0, "dropout", 3.66),
    (600, "cosine", 1.0, "spatial_dropout", 3.35),
    (600, "cosine", 1.0, "select_scale", 3.24),
)
RATES_3 = {"t": 0.2, "q": 0.1}

# Section 3.1's settings. It has the drop layers "for every convolutional layers in bottleneck residual blocks" of the
# last two groups, section 3.5 behind every batch normalization there. The optimizer is not given: plain SGD. Nor is the
# preprocessing: what the colour augmentation was made for. Nor the images' size before a crop: 256, the largest centred
# square of each.
IMAGENET = {
    "dataset": "imagenet2012",
    "image_size": 256,
    "model": "resnet50_imagenet",
    "activation": "relu",
    "rounds": 1,
    "validation_samples": [0],
    "preprocessing": "pixel_mean",
    "crop_size": 224,
    "augment": "lighting",
    "augment_from_round": 1,
    "epochs": 105,
    "batch_size": 256,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "learning_rate_drops": [30.0, 60.0, 90.0, 100.0],
    "learning_rate_factor": 0.1,
    "weight_decay": 1e-4,
}
TABLE_4 = """
                 top-1  top-5
none             23.89  7.06
dropout          23.97  7.12
spatial_dropout  23.76  7.04
select_scale     23.38  6.78
"""
RATES_4 = {"t": 0.1, "q": 0.2}

# Fig. 3 tests a network that was trained without drop layers with them at work. The rates are ours, as the text has no
# number but that dropping 6 % of the maps by Selectout "almost disables the network"; a top rate of 0.2, by which
# Selectout drops 20 % at most, is that of the example after eq. (4).
FIG_3 = {
    "dropout": [0.02, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5],
    "spatial_dropout": [0.02, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5],
    "selectout": [0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2],
}

# Fig. 4 on WRN-20-8 and CIFAR-100, at steps of 0.1 that are ours: (a) top rates at q = 0, (b) retaining rates at
# t = 0.2. The text has none of its errors but the one at t = 0.2 and q = 0.1, which is Table 2's.
FIG_4A: dict[str, Any] = {"q": 0.0, "t": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]}
FIG_4B: dict[str, Any] = {"t": 0.2, "q": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]}


# Section 2.3 tries average pooling "with different pooling windows and strides", which are ours, and a global one.
POOLINGS = {
    "window2": {"pool_size": "2"},
    "window4": {"pool_size": "4"},
    "window4_stride2": {"pool_size": "4", "pool_strides": 2},
    "global": {"pool_size": "global"},
}


def recipes():
    """Returns the paper's recipes by name."""
    return {
        **_cifar("table1", "cifar10"),
        **_cifar("table2", "cifar100"),
        **_table_3(),
        **_table_4(),
        **_figures(),
        **_pooling(),
    }


def _cifar(table, dataset):
    errors, printed_rates = {"table1": (TABLE_1, RATES_1), "table2": (TABLE_2, RATES_2)}[table]
    rates = {(row, column): float(value) for row, column, value in cells(printed_rates)}
    found = {}
    for model, drop, cell in cells(errors):
        t, q = (rates.get((model, f"{drop} {letter}")) for letter in "tq")
        found[f"select_scale/{table}/{model}/{drop}"] = Recipe(
            {"dataset": dataset, "model": model, **CIFAR, **_drop(drop, "every_convolution", t, q)},
            number(cell, runs=5),
            f"SelectScale, Table {table[-1]}, {model}, {drop}",
        )
    return found


def _table_3():
    found = {}
    for epochs, schedule, curriculum, drop, error in TABLE_3:
        row = "_".join([str(epochs), *["ca"] * (schedule == "cosine"), *["cd"] * (curriculum > 0), drop])
        settings = {"dataset": "cifar10", "model": "resnext29_8x64d", **CIFAR, "epochs": epochs, "schedule": schedule}
        settings |= _drop(drop, "group_convolutions", **RATES_3)
        if curriculum:
            settings["curriculum"] = curriculum
        found[f"select_scale/table3/{row}"] = Recipe(settings, Paper(error=error), f"SelectScale, Table 3, {row}")
    return found


def _table_4():
    errors = {(drop, column): float(value) for drop, column, value in cells(TABLE_4)}
    found = {}
    for drop in dict.fromkeys(drop for drop, _ in errors):
        settings = {**IMAGENET, **_drop(drop, "last_two_groups", **RATES_4)}
        if drop != "none":
            settings["curriculum"] = 1.0
        paper = Paper(error=errors[drop, "top-1"], top5_error=errors[drop, "top-5"])
        found[f"select_scale/table4/{drop}"] = Recipe(settings, paper, f"SelectScale, Table 4, {drop}")
    return found


def _figures():
    found = {}
    plain = {"dataset": "cifar10", "model": "wrn20_4", **CIFAR, "drop": "none", "placement": "every_convolution"}
    for drop, rates in FIG_3.items():
        settings = {**plain, "test_drop": drop, "test_rates": rates}
        if drop == "selectout":
            settings["top_rate"] = 0.2
        paper = number("5.04 ± 0.07", runs=5)  # of the network as it is, in Table 1
        found[f"select_scale/fig3/{drop}"] = Recipe(settings, paper, f"SelectScale, Fig. 3, {drop}")
    points = [("fig4a", f"t{t:g}", t, FIG_4A["q"]) for t in FIG_4A["t"]]
    points += [("fig4b", f"q{q:g}", FIG_4B["t"], q) for q in FIG_4B["q"]]
    for figure, point, t, q in points:
        settings = {"dataset": "cifar100", "model": "wrn20_8", **CIFAR}
        settings |= _drop("select_scale", "every_convolution", t, q)
        paper = number("18.52 ± 0.22", runs=5) if (t, q) == (0.2, 0.1) else Paper()
        found[f"select_scale/{figure}/{point}"] = Recipe(settings, paper, f"SelectScale, Fig. {figure[3:]}, {point}")
    return found


def _pooling():
    """Section 2.3's other scores, beside Table 1's network: the text has no number but that they are worse."""
    found = {}
    for row, pooling in POOLINGS.items():
        settings = {"dataset": "cifar10", "model": "wrn20_4", **CIFAR}
        settings |= _drop("select_scale", "every_convolution", t=0.2, q=0.1) | pooling
        found[f"select_scale/section2.3/{row}"] = Recipe(settings, Paper(), f"SelectScale, section 2.3, {row}")
    return found


def _drop(drop, placement, t=None, q=None):
    """Returns the settings of a kind of drop layer; t and q are those of `spatial_scale` and `select_scale`."""
    if drop == "none":
        return {"drop": "none"}
    settings = {"drop": drop, "placement": placement, "rate": PLAIN_RATE}
    if drop in ("spatial_scale", "select_scale"):
        settings["rate"] = round(1 - q, 9)
    if drop == "select_scale":
        settings["top_rate"] = t
    return settings
