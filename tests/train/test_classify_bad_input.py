"""Every bad input ends at once with one line on stderr that names the flag and the value, and status 2."""

import re

import numpy as np
import PIL.Image
import pytest
from programs import run_many, run_program

from tfdrop.errors import UserError
from tfdrop.tasks.classification import run as classification_run
from tfdrop.tasks.classification.data import read_data
from tfdrop.tasks.classification.drop_layers import with_usual_values
from tfdrop.tasks.classification.settings import ClassifySettings

CASES = {
    "--recipe=data_dropout/fig2": "--recipe=data_dropout/fig2: unknown; did you mean data_dropout/fig1",
    "--recipe=x": "--recipe=x: unknown; did you mean ",
    "--model=resnet21": "--model=resnet21: unknown; did you mean resnet",
    "--drop=selectscale": "--drop=selectscale: unknown; did you mean select_scale",
    "--test_drop=x": "--test_drop=x: unknown; known are none, dropout,",
    "--placement=penultimate": "--placement=penultimate: unknown; did you mean penultimate_group",
    "--augment=cutout": "--augment=cutout: expected one of none, flip, crop, translation, lighting",
    "--schedule=linear": "--schedule=linear: expected one of constant, steps, cosine, plateau",
    "--optimizer=rmsprop": "--optimizer=rmsprop: expected one of sgd, nesterov, adam",
    "--dataset=/nowhere": "--dataset=/nowhere: no such folder: /nowhere",
    "--dataset=none.npz": "--dataset=none.npz: no such file: none.npz",
    "--dataset=broken.npz": "--dataset=broken.npz: broken.npz is damaged",
    "--dataset=labels.npz": "--dataset=labels.npz: The labels of the part 'train' should be in [0, 1]. Received: 2",
    "--dataset=folders": "--dataset=folders: train/b: cannot read image x.png",
    "--dataset=sizes": "--dataset=sizes: train/b/x.png is 5x5, train/a/x.png is 4x4",
    "--batch_size=5000": "--batch_size=5000: more than the 1294 training images",
    "--train_samples=5000": "--train_samples=5000: Invalid value received for argument `samples`. Expected at most 1",
    "--validation_samples=5000": "--validation_samples=5000: Invalid value",
    "--validation_samples=5,x": "--validation_samples=5,x: expected integers",
    "--validation_samples=0": "--validation_samples=0: --rounds=2 needs some",
    "--validation_samples=0 --rounds=1 --schedule=plateau": "--validation_samples=0: --schedule=plateau needs some",
    "--validation_samples=0 --rounds=1 --count_last": "--validation_samples=0: --count_last=True needs some",
    "--crop_size=9 --augment=crop": "--crop_size=9: larger than the images, 8x8",
    "--crop_size=7": "--crop_size=7: random crops need an --augment",
    "--test_crops=10": "--test_crops=10: needs a --crop_size",
    "--test_crops=5": "--test_crops=5: expected one of 1, 10",
    "--augment=crop --rounds=1": "--augment=crop: never, with --rounds=1 and --augment_from_round=2",
    "--augment=lighting": "--augment=lighting: its colours are for --preprocessing=pixel_mean",
    "--augment=lighting --preprocessing=pixel_mean": "--augment=lighting: for 3 channels, the images have 1",
    "--drop=none --rate=0.5": "--rate=0.5: not of --drop=none",
    "--drop=none --placement=every_convolution": "--placement=every_convolution: not of --drop=none",
    "--drop=dropout --top_rate=0.5": "--top_rate=0.5: not of --drop=dropout",
    "--block_size=3": "--block_size=3: not of --drop=select_scale",
    "--gamma=0.3": "--gamma=0.3: not of --drop=select_scale",
    "--participation_rate=0.3": "--participation_rate=0.3: not of --drop=select_scale",
    "--inverted": "--inverted: not of --drop=select_scale",
    "--drop=focused_dropout --curriculum=1": "--curriculum=1.0: --drop=focused_dropout has no rate",
    "--drop=focused_dropout --gamma=0.6,0.3": "--gamma=0.6,0.3: expected one number below 1, or two in",
    "--drop=focused_dropout --gamma=0.6,x": "--gamma=0.6,x: expected numbers",
    "--drop=selectout --rate=0.3": "--rate=0.3: more than --top_rate=0.2",
    "--drop=dropout --rate=1": "--rate=1.0: expected less than 1 for dropout",
    "--rate=2": "--rate=2.0: expected at most 1",
    "--rate=nan": "--rate=nan: expected a finite number",
    "--drop=none --drop_until_round=1": "--drop_until_round=1: there is no --drop",
    "--test_rates=0.1": "--test_rates=0.1: goes with --test_drop, and that needs it",
    "--test_drop=focused_dropout --test_rates=0.1": "--test_drop=focused_dropout: has no rate",
    "--max_drop=auto --validation_samples=39": "--max_drop=auto: needs at least 40 validation images",
    "--max_drop=many": "--max_drop=many: expected a number or auto",
    "--max_drop=1.5": "--max_drop=1.5: expected a share up to 1 or a whole number",
    "--learning_rate_drops=0": "--learning_rate_drops=0: expected more than 0",
    "--influence_damping=-1": "--influence_damping=-1: expected a finite number of at least 0, or auto",
    "--influence=exact": "--influence=exact: expected one of replay, lissa, cg, original",
    "--influence_solver=exact": "--influence=exact: expected one of replay, lissa, cg, original",
    "--influence_scale=0": "--influence_scale=0: expected a finite number of more than 0, or auto",
    "--seeds=0": "--seeds=0: expected at least 1",
    "--no_such_flag=1": "no_such_flag",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with data sets that are wrong in one way each."""
    folder = tmp_path_factory.mktemp("bad")
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), dtype="uint8")
    for name, size in (("folders", 4), ("sizes", 5)):
        for label, side in (("a", 4), ("b", size)):
            (folder / name / "train" / label).mkdir(parents=True)
            path = folder / name / "train" / label / "x.png"
            PIL.Image.fromarray(pixels[0]).resize((side, side)).save(path)
    broken = folder / "folders" / "train" / "b" / "x.png"
    broken.write_bytes(broken.read_bytes()[:40])
    labels = np.array([0, 1, 2, 0, 1, 0])
    parts = {"train_images": pixels, "train_labels": labels, "test_images": pixels, "test_labels": labels}
    np.savez(folder / "labels.npz", classes=np.array(["a", "b"]), **parts)
    (folder / "broken.npz").write_bytes((folder / "labels.npz").read_bytes()[:300])
    return folder


@pytest.fixture(scope="module")
def refusals(folder):
    preloaded = ("tfdrop.tasks.classification.data", "sklearn.datasets")
    found = run_many("train.classify", [case.split() for case in CASES], folder, preloaded)
    return dict(zip(CASES, found, strict=True))


@pytest.mark.parametrize("flags", CASES)
def test_refused_in_one_line(refusals, folder, flags):
    status, out, err = refusals[flags]
    assert status == 2, err
    assert out == ""
    [line] = err.splitlines()
    assert line.startswith("error: ")
    assert CASES[flags] in line
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": "allcnn_c"}, "--model=allcnn_c: Invalid value received for argument `input_shape`"),
        ({"placement": "group_convolutions"}, "--placement=group_convolutions: Invalid value received"),
    ],
)
def test_what_only_the_network_can_tell(given, message):
    settings = with_usual_values(ClassifySettings(**given))
    with pytest.raises(UserError, match=re.escape(message)):
        classification_run.check(settings, read_data(settings))


def test_data_set_that_is_not_prepared(folder):
    """TensorFlow Datasets knows; what it writes about the machine comes before the one line."""
    finished = run_program("train.classify", "--dataset=cifar10", "--data_dir=none", cwd=folder)
    assert finished.returncode == 2
    line = finished.stderr.splitlines()[-1]
    assert line.startswith("error: --dataset=cifar10: Data set 'cifar10' is not prepared in none")
    assert "download_and_prepare()" in line
    assert not (folder / "runs").exists()


def test_overriding_the_drop_of_a_recipe_leaves_its_settings_behind(folder):
    """The recipe's rate is SelectScale's, and no rate for dropout; what is missing then is the data alone."""
    recipe = "--recipe=select_scale/table1/wrn20_4/select_scale"
    absent = "--dataset=none.npz"
    (first, second) = run_many("train.classify", [[recipe, "--drop=none", absent], [recipe, "--block_size=3"]], folder)
    assert "no such file: none.npz" in first[2]
    assert "--block_size=3: not of --drop=select_scale" in second[2]


def test_list_of_recipes(folder):
    [(status, out, err)] = run_many("train.classify", [["--list_recipes"]], folder)
    assert (status, err) == (0, "")
    lines = [line for line in out.splitlines() if line.startswith("select_scale/table1/wrn20_4/select_scale ")]
    assert len(lines) == 1
    assert "4.24 ± 0.05" in lines[0]
