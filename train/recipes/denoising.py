"""The denoising recipes: the data dropout paper's settings by name, and the DnCNN paper's."""

# Data dropout, section IV-C. Expected there: 30.436 dB on Set12 after round 1, 30.475 dB after round 2
# (table V). Folders are inside --data_dir. Two rounds are about 20 million patches: hours on a GPU, weeks on
# a laptop.
DNCNN_S25 = {
    "train_dir": "Train400",
    "validation_dir": "BSD68",
    "test_dir": "Set12",
    "depth": 17,
    "filters": 64,
    "sigma": 25.0,
    "crop_size": 180,
    "patch_size": 40,
    "patches_per_image": 512,  # of 400 images: 128 x 1600 patches
    "epochs": 50,
    "batch_size": 128,
    "learning_rate": 1e-3,
    "learning_rate_drops": [30],
    "rounds": 2,
    "augment_from_round": 2,
    "max_drop": 1.0,
    "influence_curvature": "hessian",
    "influence_batch_size": 128,
    "influence_depth": 1000,
}

# DnCNN, section IV-B, one round: 17 layers and 128 x 1600 patches of 40x40 for a known level, 20 layers and
# 128 x 3000 patches of 50x50 for any from 0 to 55, noise drawn whenever a patch comes up, patches turned and mirrored.
# Adam as in the authors' Keras code, where the paper has SGD with a rate falling from 0.1 to 0.0001.
# BSD68 there: 31.73 dB at sigma 15, 29.23 at 25, 26.23 at 50, by the networks for these levels.
KNOWN_LEVEL = {
    "train_dir": "Train400",
    "validation_dir": "Set12",
    "test_dir": "BSD68",
    "depth": 17,
    "filters": 64,
    "patch_size": 40,
    "patches_per_image": 512,
    "epochs": 50,
    "batch_size": 128,
    "learning_rate": 1e-3,
    "learning_rate_drops": [30],
    "redraw_noise": True,
    "rounds": 1,
    "augment_from_round": 1,
}
DNCNN_S15 = KNOWN_LEVEL | {"sigma": 15.0}
DNCNN_S50 = KNOWN_LEVEL | {"sigma": 50.0}
# Tested at 25; --evaluate_only --sigma=15 and --sigma=50 score it at the paper's other levels.
DNCNN_B = KNOWN_LEVEL | {
    "sigma": [0.0, 55.0],
    "test_sigma": 25.0,
    "depth": 20,
    "patch_size": 50,
    "patches_per_image": 960,  # of 400 images: 128 x 3000 patches
}
# The 432 colour images of the Berkeley set that CBSD68 has not; validation plays no part in a single round.
CDNCNN_B = DNCNN_B | {
    "train_dir": "CBSD432",
    "validation_dir": "CBSD68",
    "test_dir": "CBSD68",
    "channels": 3,
    "patches_per_image": 889,  # of 432 images: 48 more than 128 x 3000 patches
}

# Ours: sigma 25 in some four hours of one CPU core, 13 x 51,200 patches of 40x40. Small batches, because these are few
# patches: there must be steps enough. Then on from its weights, without batch normalization, for ten minutes: see
# results/dncnn_s25_cpu_night.md, also for short trainings beside each other.
DNCNN_S25_CPU_NIGHT = KNOWN_LEVEL | {
    "sigma": 25.0,
    "test_dir": "Set12",
    "patches_per_image": 128,
    "epochs": 13,
    "batch_size": 8,
    "schedule": "one_cycle",
    "mixed_precision": True,
}

DENOISING = {
    "dncnn_s25": DNCNN_S25,
    "dncnn_s25_cpu_night": DNCNN_S25_CPU_NIGHT,
    "dncnn_s15": DNCNN_S15,
    "dncnn_s50": DNCNN_S50,
    "dncnn_b": DNCNN_B,
    "cdncnn_b": CDNCNN_B,
}
