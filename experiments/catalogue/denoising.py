"""The denoising experiments. A line an experiment; arms and settings are said once."""

from experiments.catalogue.experiment import Experiment
from tfdrop.tasks.arm import Arm
from train.recipes.denoising import DNCNN_S25

ROUND_1 = Arm("round 1", paper=30.436)
FULL_SET = Arm("round 2 settings, full set", round=2)
DROPPED = Arm("", round=2, after=ROUND_1.name)
DATA_DROPOUT = (
    ROUND_1,
    FULL_SET,
    DROPPED._replace(name="data dropout, as printed", paper=30.475),
    DROPPED._replace(name="data dropout, at most 3 %", cap=0.03),
    DROPPED._replace(name="as many random patches as printed", random=True),
    DROPPED._replace(name="as many random patches, at most 3 %", random=True, cap=0.03),
)


# The paper's figures belong beside its settings only.
OWN_SCALE = tuple(arm._replace(paper=None) for arm in DATA_DROPOUT)
OWN_ROUND_1 = ROUND_1._replace(paper=None)
A_TENTH = (
    OWN_ROUND_1,
    FULL_SET,
    DROPPED._replace(name="data dropout, at most 10 %", cap=0.1),
    DROPPED._replace(name="as many random patches, at most 10 %", random=True, cap=0.1),
)


# The network and photographs of the paper, and patches enough for a laptop.
CPU_SCALE = DNCNN_S25 | {
    "depth": 5,
    "filters": 24,
    "crop_size": 0,
    "patch_size": 24,
    "patches_per_image": 32,
    "epochs": 6,
    "batch_size": 8,
    "learning_rate": 3e-3,
    "learning_rate_drops": [4],
    "influence_depth": 500,
    "influence_batch_size": 32,
}
# Replay, and sizes that leave time for five seeds; the rate falls smoothly, as replay wants it.
REPLAY_CPU = CPU_SCALE | {
    "patches_per_image": 8,
    "epochs": 10,
    "schedule": "cosine",
    "influence": "replay",
}
# Photographs of scikit-image, seconds of training: shows that everything is in place.
CHECK = {
    "depth": 3,
    "filters": 6,
    "patches_per_image": 50,
    "epochs": 2,
    "influence_depth": 20,
    "influence_batch_size": 8,
}
OURS = DNCNN_S25 | {"redraw_noise": True, "epochs": 100, "learning_rate_drops": [70, 90], "patch_size": 48}

DENOISING = (
    Experiment("dncnn_s25", "Data dropout paper, section IV-C and Table V.", DNCNN_S25, DATA_DROPOUT, (0, 1, 2), 90),
    Experiment(
        "dncnn_s25_redrawn",
        "The same with training noise drawn anew in every epoch.",
        DNCNN_S25 | {"redraw_noise": True},
        (OWN_ROUND_1, FULL_SET),
        (0,),
        30,
    ),
    Experiment(
        "dncnn_s25_bfloat16",
        "Round 1 in bfloat16: what the precision costs beside dncnn_s25's round 1.",
        DNCNN_S25 | {"mixed_precision": True},
        (OWN_ROUND_1,),
        (0, 1, 2),
        7,
    ),
    Experiment(
        "dncnn_s25_ours",
        "Ours, not the paper's: redrawn noise, augmentation, larger patches, twice the epochs.",
        OURS,
        (FULL_SET,),
        (0,),
        40,
    ),
    Experiment(
        "dncnn_s25_cpu",
        "CPU scale, not the paper's: the same photographs and arms, 12,800 patches of 24x24, 5 layers of 24 maps, "
        "6 epochs, Adam 3e-3. Minutes are those of two CPU cores.",
        CPU_SCALE,
        OWN_SCALE,
        (0, 1),
        15,
    ),
    Experiment(
        "dncnn_s25_cpu_replay",
        "CPU scale again, by replay: 3,200 patches of 24x24, 5 layers of 24 maps, 10 epochs, Adam 3e-3, falling along "
        "half a cosine. Minutes are those of one CPU core.",
        REPLAY_CPU,
        A_TENTH,
        (0, 1, 2, 3, 4),
        5,
    ),
)
PHOTOGRAPHS_CHECK = Experiment("check", "Seconds: shows that everything is in place.", CHECK, DATA_DROPOUT, (0,), 1)
