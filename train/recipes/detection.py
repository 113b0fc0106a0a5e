"""FocusedDropout (Xie et al.), Table 5: RetinaNet on PASCAL VOC, on ResNet-50s trained on ImageNet without and with it.

Section 5.3 has "the fine-tuning strategy of the original method" and no numbers: batches of 16, a learning rate of 0.01
that falls at 2/3 and 8/9 of the training, decay, frozen layers and 12 epochs are those of RetinaNet's paper and code.
The paper's shorter side of 600 is that of a VOC photograph, 4:3, in a square of 800. The classifiers are the runs of
the recipes for ImageNet, where their command line has `--workdir=runs/NAME`.
"""

from train.recipes.recipe import Recipe, number

FINE_TUNING = {
    "dataset": "voc",
    "train": "2007/trainval,2012/trainval",
    "test": "2007/test",
    "image_size": 800,
    "epochs": 12,
    "batch_size": 16,
    "optimizer": "sgd",
    "momentum": 0.9,
    "learning_rate": 0.01,
    "learning_rate_drops": [0.667, 0.889],
    "warmup_steps": 500,
    "weight_decay": 1e-4,
    "frozen_groups": 2,
}
# The paper's row, its mAP, and the recipe of the classifier.
TABLE_5 = {
    "retinanet": ("RetinaNet", "70.14 ± 0.17", "focused_dropout/imagenet/baseline"),
    "focused_dropout": (
        "RetinaNet+FocusedDropout pretrained",
        "71.05 ± 0.13",
        "focused_dropout/imagenet/focused_dropout",
    ),
}

DETECTION = {
    f"focused_dropout/table5/{name}": Recipe(
        {**FINE_TUNING, "classifier": f"runs/{classifier}"},
        number(cell, "mean_average_precision"),
        f"FocusedDropout, Table 5, {row}",
    )
    for name, (row, cell, classifier) in TABLE_5.items()
}
