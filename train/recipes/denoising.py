"""The denoising recipes: the data dropout paper's settings by name."""

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

DENOISING = {"dncnn_s25": DNCNN_S25}
