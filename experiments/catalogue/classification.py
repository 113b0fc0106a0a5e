"""The classification experiments: the recipes of a table's column side by side, and data dropout with its controls."""

from experiments.catalogue.experiment import CLASSIFICATION as TASK
from experiments.catalogue.experiment import Experiment
from tfdrop.tasks.arm import Arm
from train.recipes import RECIPES
from train.recipes.cost import training_minutes

ROUND_1 = "round 1"


def data_dropout(network, dataset, seeds):
    """Two rounds with controls: the criterion as printed, and capped at the paper's number of samples."""
    recipe = RECIPES[f"data_dropout/table1/{network}_two_rounds/{dataset}"]
    baseline = RECIPES[f"data_dropout/table1/{network}/{dataset}"].paper
    count = recipe.paper.unfavorable
    arms = two_round_arms(count, recipe.paper, baseline)
    about = f"{recipe.source}: the paper has {count} unfavorable samples."
    return _experiment(f"{network}_two_rounds_{dataset}", about, recipe.settings, arms, seeds)


def two_round_arms(count, paper=None, baseline=None):
    """Both rounds, and the controls: the criterion as printed, and capped at a number of samples."""
    second = Arm("", round=2, after=ROUND_1)
    return (
        Arm(ROUND_1),
        Arm("round 2 settings, full set", round=2, paper=baseline),
        second._replace(name="data dropout, as printed", paper=paper),
        second._replace(name=f"data dropout, at most {count}", cap=count, paper=paper),
        second._replace(name="as many random images as printed", random=True),
        second._replace(name=f"as many random images, at most {count}", random=True, cap=count),
    )


def columns(table, network, dataset, seeds, more=()):
    """Every drop method that a paper's table has for a network; `more` are further arms."""
    found = {name.split("/")[-1]: recipe for name, recipe in RECIPES.items() if name.startswith(f"{table}/{network}/")}
    settings = found["none"].settings
    arms = [Arm(name, recipe.settings, paper=recipe.paper) for name, recipe in found.items()]
    about = found["none"].source.rsplit(",", 1)[0] + f", {dataset}."
    return _experiment(f"{settings['model']}_{dataset}", about, settings, (*arms, *more), seeds)


def ablations(network, dataset):
    """FocusedDropout's ablations, which its Table 4 and Fig. 6 have for ResNet-56 on CIFAR-100."""
    arms = []
    for row in ("magnified_only", "focused_only", "opposite_only", "opposite"):
        arms.append(_ablation(f"table4/{row}", row.replace("_", " "), network, dataset))
    for gamma in ("0.3", "0.6", "0.9"):
        arms.append(_ablation(f"fig6b/{gamma}", f"gamma {gamma}", network, dataset))
    return arms


def _ablation(place, name, network, dataset):
    recipe = RECIPES[f"focused_dropout/{place}"]
    theirs = (network, dataset) == ("resnet56_bottleneck", "cifar100")
    settings = recipe.settings | {"model": network, "dataset": dataset}
    return Arm(name, settings, paper=recipe.paper if theirs else None)


def four_rounds(seeds):
    """Fig. 1 of Data Dropout: the unfavorable samples after each round, none of which the next one has."""
    recipe = RECIPES["data_dropout/fig1"]
    names = [f"round {number}" for number in range(1, recipe.settings["rounds"] + 1)]
    arms = [
        Arm(name, round=number, after=before, counted=True)
        for number, (before, name) in enumerate(zip(["", *names], names, strict=False), start=1)
    ]
    return _experiment("resnet20_four_rounds", f"{recipe.source}: only a curve.", recipe.settings, tuple(arms), seeds)


def table_3(seeds):
    """SelectScale with other methods, on ResNeXt."""
    found = {name: recipe for name, recipe in RECIPES.items() if name.startswith("select_scale/table3/")}
    arms = [Arm(name.split("/")[-1], each.settings, paper=each.paper) for name, each in found.items()]
    about = "SelectScale, Table 3: epochs, cosine annealing (ca), curriculum (cd), drop layers."
    return _experiment("resnext29_8x64d_cifar10", about, arms[0].settings, tuple(arms), seeds)


def _experiment(name, about, settings, arms, seeds):
    # Drop layers are each arm's own affair.
    minutes = sum(training_minutes(settings | arm.settings) for arm in arms)
    return Experiment(name, about, settings, tuple(arms), seeds, max(1, round(minutes)), TASK)


# As many seeds as the papers have runs, where they say so.
CLASSIFICATION = (
    data_dropout("allcnn_c", "cifar10", (0, 1, 2)),
    data_dropout("allcnn_c", "cifar100", (0, 1, 2)),
    columns("select_scale/table1", "wrn20_4", "cifar10", (0, 1, 2, 3, 4)),
    columns("select_scale/table2", "wrn20_4", "cifar100", (0, 1, 2, 3, 4)),
    columns("focused_dropout/table1", "resnet20", "cifar10", (0, 1, 2), ablations("resnet20", "cifar10")),
    columns("focused_dropout/table2", "resnet20", "cifar100", (0, 1, 2), ablations("resnet20", "cifar100")),
    columns("focused_dropout/table1", "resnet56", "cifar10", (0, 1, 2), ablations("resnet56_bottleneck", "cifar10")),
    columns("focused_dropout/table2", "resnet56", "cifar100", (0, 1, 2), ablations("resnet56_bottleneck", "cifar100")),
    four_rounds((0,)),
    # The larger networks, from the cheaper to the dearer.
    columns("select_scale/table1", "resnet110", "cifar10", (0,)),
    columns("select_scale/table2", "resnet110", "cifar100", (0,)),
    columns("focused_dropout/table1", "vgg19_bn", "cifar10", (0,)),
    columns("focused_dropout/table2", "vgg19_bn", "cifar100", (0,)),
    columns("focused_dropout/table1", "densenet_bc100", "cifar10", (0,)),
    columns("focused_dropout/table2", "densenet_bc100", "cifar100", (0,)),
    columns("focused_dropout/table1", "resnet110", "cifar10", (0,)),
    columns("focused_dropout/table2", "resnet110", "cifar100", (0,)),
    data_dropout("densenet40", "cifar10", (0,)),
    data_dropout("densenet40", "cifar100", (0,)),
    data_dropout("resnet110", "cifar10", (0,)),
    data_dropout("resnet110", "cifar100", (0,)),
    columns("select_scale/table1", "wrn20_8", "cifar10", (0,)),
    columns("select_scale/table2", "wrn20_8", "cifar100", (0,)),
    columns("focused_dropout/table1", "wrn28_10", "cifar10", (0,)),
    columns("focused_dropout/table2", "wrn28_10", "cifar100", (0,)),
    table_3((0,)),
)

# What a laptop can do of data dropout on CIFAR-10: 10,000 images, a network of 8 layers; 300 images are 3 %, the
# paper's share.
CIFAR10_CPU = Experiment(
    "cifar10_10k_cpu",
    "Data dropout at the scale of a CPU: 10,000 images of CIFAR-10, ResNet-8, 15 epochs a round.",
    {
        "dataset": "cifar10",
        "train_samples": 10_000,
        "model": "resnet8",
        "activation": "relu",
        "drop": "none",
        "augment": "crop",
        "epochs": 15,
        "batch_size": 64,
        "learning_rate": 0.1,
        "weight_decay": 1e-4,
        "influence": "cg",
        "measure": "loss",
    },
    two_round_arms(300),
    (0, 1, 2),
    25,
    TASK,
)

# Scikit-learn's digits, seconds of training: shows that everything is in place.
DIGITS_CHECK = Experiment(
    "check_digits",
    "Seconds: shows that everything is in place.",
    {
        "dataset": "digits",
        "model": "resnet8",
        "activation": "relu",
        "drop": "select_scale",
        "augment": "translation",
        "train_samples": 200,
        "epochs": 2,
        "influence": "cg",
        "measure": "loss",
        "influence_depth": 5,
    },
    (
        Arm(ROUND_1),
        Arm("round 2 settings, full set", {"drop": "none"}, round=2),
        Arm("data dropout, as printed", round=2, after=ROUND_1),
        Arm("as many random images, at most 6", round=2, after=ROUND_1, random=True, cap=6),
    ),
    (0,),
    1,
    TASK,
)
