"""The papers' figures from run folders: what they draw is what the folders say."""

import json

import keras
import numpy as np
import pytest
from class_folders import write_class_folders
from matplotlib.figure import Figure as Drawn
from run_folders import DROPPED, add_test_rates, classification_folder

from tfdrop import cam
from tfdrop.data import StreamedImages
from tfdrop.errors import UserError
from tfdrop.influence import InfluenceModel
from tfdrop.overlap import overlap
from tfdrop.tasks.classification.networks import classification_loss
from tfdrop.tasks.denoising.data import read_data
from tfdrop.tasks.denoising.settings import DenoiseSettings
from tfdrop.tasks.figures.catalogue import FIGURES
from tfdrop.tasks.figures.figure import Options
from tfdrop.tasks.figures.networks import prepared
from tfdrop.tasks.page import write_page
from tfdrop.tasks.pair_scores import pair_scores
from tfdrop.tasks.run_folder import RunFolder
from tfdrop.tasks.workdir import RESULT, Workdir

ERRORS = {"round 1": [20.0, 22.0], "round 2": [10.0, 13.0]}
ONE_SEED = {name: errors[:1] for name, errors in ERRORS.items()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of two seeds that differ in FocusedDropout's participation rate, and one without drop layers."""
    folder = tmp_path_factory.mktemp("runs")
    focused = {"drop": "focused_dropout", "epochs": 3, "keep_epochs": [1]}
    focused |= {"influence_damping": "10"}  # so that an inexact solve is nearly an exact one
    for draw, (name, rate, kept) in enumerate([("often", 0.3, 0.6), ("seldom", 0.1, 0.7)]):
        errors = {training: [error + draw for error in found] for training, found in ERRORS.items()}
        classification_folder(
            folder / name, errors, kept, trained=draw == 0, draw=draw, participation_rate=rate, **focused
        )
    classification_folder(folder / "none", {"round 1": [30.0, 30.0], "round 2": [25.0, 25.0]}, drop="none", draw=2)
    add_test_rates(folder / "none", "dropout", [0.1, 0.2], [[30.0, 50.0], [32.0, 54.0]])
    return {path.name: RunFolder(path) for path in folder.iterdir()}


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """A function that draws a figure and returns it."""
    figures = []
    write = Drawn.savefig
    monkeypatch.setattr(Drawn, "savefig", lambda self, *a, **k: (figures.append(self), write(self, *a, **k))[1])

    def drawn(name, *runs, **options):
        FIGURES[name].draw(tmp_path / "a.png", runs, Options(**options))
        return figures[-1]

    return drawn


def test_counts_are_those_of_the_seeds(runs, draw):
    [axes] = draw("unfavorable_counts", runs["often"]).axes
    counts = [(seed.influence()["influence"] > 0).sum() for seed in runs["often"].seeds]
    [bars] = [each for each in axes.containers if hasattr(each, "patches")]
    assert [bar.get_height() for bar in bars] == [np.mean(counts)]


def test_the_worst_samples_come_first_and_dropped_ones_are_framed(runs, draw):
    figure = draw("unfavorable_samples", runs["often"], number=DROPPED + 2)
    shown = [axes for axes in figure.axes if axes.images]
    table, data = runs["often"].seeds[0].influence(), runs["often"].data(0)
    worst = np.argsort(-table["influence"])[: DROPPED + 2]
    for axes, place in zip(shown, worst, strict=True):
        np.testing.assert_allclose(axes.images[0].get_array(), data.train[0][place, ..., 0] / 255)
        assert axes.get_xlabel().splitlines()[0] == data.classes[data.train[1][place]]
    assert [axes.spines["top"].get_linewidth() > 2 for axes in shown] == [True] * DROPPED + [False] * 2
    [only] = [each for each in draw("unfavorable_samples", runs["often"], classes=["3"], number=1).axes if each.images]
    assert only.get_xlabel().startswith("3\n")


def test_curves_are_accuracies_and_losses(runs, draw):
    accuracy, loss = draw("curves", runs["often"], runs["none"], labels=["a", "b"]).axes
    assert [text.get_text() for text in accuracy.get_legend().get_texts()] == ["a", "b"]
    np.testing.assert_allclose(accuracy.lines[0].get_ydata(), 100 - np.mean([[12, 11, 10], [15, 14, 13]], axis=0))
    np.testing.assert_allclose(loss.lines[0].get_ydata(), [1, 1 / 2, 1 / 3])
    with pytest.raises(UserError, match="--training=round 7: not recorded"):
        draw("curves", runs["often"], training="round 7")
    with pytest.raises(UserError, match="--labels=a: expected 2"):
        draw("curves", runs["often"], runs["none"], labels=["a"])


def test_errors_by_a_setting_with_the_share_kept(runs, draw):
    error, kept = draw("settings", *runs.values(), setting="participation_rate").axes
    line, *_ = [each for each in error.lines if list(each.get_xdata()) == [0.1, 0.3]]
    np.testing.assert_allclose(line.get_ydata(), [12.5, 11.5])
    assert any(list(each.get_ydata()) == [25, 25] for each in error.lines)
    np.testing.assert_allclose(kept.lines[0].get_ydata(), [70, 60])
    assert kept.get_ylabel() == "units kept (%)"
    with pytest.raises(UserError, match="did you mean"):
        draw("settings", *runs.values(), setting="participation")


def test_errors_by_the_rate_in_inference(runs, draw):
    [axes] = draw("inference_rates", runs["none"]).axes
    assert axes.lines[0].get_xdata().tolist() == [0.1, 0.2]
    assert axes.lines[0].get_ydata().tolist() == [31, 52]
    with pytest.raises(UserError, match="was not tested while dropping"):
        draw("inference_rates", runs["often"])


def test_overlaps_are_beside_chance_and_networks_beside_their_errors(runs, draw):
    left, right = draw("overlaps", runs["often"], runs["seldom"], runs["none"]).axes
    sets = [runs[name].seeds[0].influence()["influence"] > 0 for name in ("often", "seldom", "none")]
    found = [overlap(sets[one], sets[other]) for one, other in ((0, 1), (0, 2), (1, 2))]
    shown = [each.get_xdata()[0] for each in left.lines if each.get_marker() == "o" and len(each.get_xdata())]
    assert shown == [each.shared for each in found]
    assert [each.get_xdata()[0] for each in right.lines] == [21, 22, 30]
    np.testing.assert_allclose([each.get_ydata()[0] for each in right.lines], [100 * each.mean() for each in sets])
    with pytest.raises(UserError, match="at least two runs"):
        draw("overlaps", runs["often"])


def test_activation_maps_of_final_and_kept_networks(runs, draw):
    run = runs["often"]
    figure = draw("activation_maps", run, epochs=[1], images=[5, 0])
    *grid, _ = figure.axes
    network = keras.saving.load_model(run.seeds[0].folder / "round_2_epoch_1.keras")
    pixels, labels = run.data(0).test
    x, _ = prepared(run, pixels[[5, 0]])
    maps = np.maximum(cam.activation_maps(network, x, labels[[5, 0]]).maps, 0)
    for axes, expected in zip(grid[1::2], maps, strict=True):
        np.testing.assert_allclose(axes.images[-1].get_array() * expected.max(), expected, atol=1e-5 * expected.max())
    assert grid[1].get_title() == "epoch 1"
    assert grid[0].get_xlabel() == run.data(0).classes[labels[5]]
    with pytest.raises(UserError, match=r"has no round_2_epoch_2.keras; --keep_epochs=2 keeps it"):
        draw("activation_maps", run, epochs=[2])
    with pytest.raises(UserError, match="counted from 0"):
        draw("activation_maps", run, images=[100_000])


def test_the_strongest_channel_of_every_image_is_counted(runs, draw):
    run = runs["often"]
    figure = draw("strongest_channels", run, classes=["3", "8"])
    pixels, labels = run.data(0).test
    network = keras.saving.load_model(run.seeds[0].folder / "round_2.keras")
    pooled = keras.Model(network.inputs, network.get_layer("pool").output)
    for axes, label in zip(figure.axes, (3, 8), strict=False):
        x, _ = prepared(run, pixels[labels == label])
        counts = np.bincount(pooled.predict(x, verbose=0).argmax(axis=1), minlength=6)
        assert [bar.get_height() for bar in axes.patches] == counts.tolist()


def test_a_run_that_reads_its_images_when_it_needs_them_has_the_figures_of_one_in_memory(tmp_path, draw):
    classes = {"ant": 12, "bee": 12, "cow": 12}
    write_class_folders(tmp_path / "set", {"train": classes, "test": dict.fromkeys(classes, 2)}, height=8, width=8)
    made = {
        "trained": True,
        "dataset": str(tmp_path / "set"),
        "train_samples": 20,
        "validation_samples": [6],
        "batch_size": 8,
    }
    counted, shown = [], []
    for kind in ("always", "never"):
        keras.utils.set_random_seed(0)
        classification_folder(tmp_path / kind, ONE_SEED, in_memory=kind, **made)
        run = RunFolder(tmp_path / kind)
        assert isinstance(run.data(0).train[0], StreamedImages) == (kind == "never")
        bars = draw("strongest_channels", run, classes=["ant", "cow"]).axes
        counted.append([[bar.get_height() for bar in axes.patches] for axes in bars])
        maps = draw("activation_maps", run, images=[5, 0]).axes
        shown.append([axes.images[-1].get_array() for axes in maps[:-1]])
        draw("unfavorable_samples", run)
        write_page(tmp_path / "report.html", [run])
    assert counted[0] == counted[1]
    for one, other in zip(*shown, strict=True):
        np.testing.assert_array_equal(one, other)


def test_pairs_are_the_most_harmful_and_helpful(runs, draw, monkeypatch):
    run = runs["often"]
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(120, 2))
    asked = []
    monkeypatch.setattr("tfdrop.tasks.figures.pairs.pair_scores", lambda *given: (asked.append(given[2:]), scores)[1])
    figure = draw("pairs", run, images=[4, 7], number=3)
    assert asked == [([[4], [7]], "functions")]
    data = run.data(0)
    grid = np.array(figure.axes).reshape(2, 7)
    for row, column, place in zip(grid, scores.T, (4, 7), strict=True):
        order = np.argsort(-column)
        shown = [data.validation[0][place], *data.train[0][order[:3]], *data.train[0][order[::-1][:3]]]
        for axes, pixels in zip(row, shown, strict=True):
            np.testing.assert_allclose(axes.images[0].get_array(), pixels[..., 0] / 255)


def test_pair_scores_are_influences_on_single_samples_and_classes(runs):
    run = runs["often"]
    data = run.data(0)
    few = data.with_training(np.arange(40))._replace(validation=tuple(part[:6] for part in data.validation))
    found = pair_scores(run, few, [[4], [1]], "functions")
    both = pair_scores(run, few, [[4, 1]], "functions")
    assert found.shape == (40, 2)
    # Each solve has its own error, within the solver's tolerance.
    np.testing.assert_allclose(both[:, 0], found.sum(axis=1), atol=0.02 * np.abs(found).max())
    x, _ = prepared(run, few.train[0])
    network = keras.saving.load_model(run.seeds[0].folder / "round_1.keras", compile=False)
    y = few.train[1]
    model = InfluenceModel(network, (x, y), classification_loss(), curvature="gauss_newton", damping=10.0, verbose=0)
    validation = prepared(run, few.validation[0][[4]])[0], few.validation[1][[4]]
    expected = model.total(validation, solver="exact", measure="expected_error").scores
    np.testing.assert_allclose(found[:, 0], expected, atol=0.02 * np.abs(expected).max())


def test_pairs_of_a_run_with_class_weights_are_of_leaving_the_weighed_image_out(tmp_path):
    focused = {"drop": "none", "influence_damping": "10", "class_weight": "0=3,1=0.5"}
    classification_folder(tmp_path, ONE_SEED, trained=True, **focused)
    run = RunFolder(tmp_path)
    data = run.data(0)
    few = data.with_training(np.arange(40))._replace(validation=tuple(part[:6] for part in data.validation))
    found = pair_scores(run, few, [[4]], "functions")
    y = few.train[1]
    weights = np.where(y == 0, 3.0, np.where(y == 1, 0.5, 1.0))
    network = keras.saving.load_model(tmp_path / "round_1.keras", compile=False)
    train = (prepared(run, few.train[0])[0], y, weights)
    model = InfluenceModel(network, train, classification_loss(), curvature="gauss_newton", damping=10.0, verbose=0)
    validation = prepared(run, few.validation[0][[4]])[0], few.validation[1][[4]]
    expected = model.total(validation, solver="exact", measure="expected_error").scores
    np.testing.assert_allclose(found[:, 0], expected, atol=0.02 * np.abs(expected).max())


@pytest.mark.parametrize("measure", ["loss", "psnr"])
def test_replay_of_patches_adds_up_over_validation_images(tmp_path, measure):
    small = {"patches_per_image": 2, "depth": 2, "filters": 2, "epochs": 1, "patch_size": 8}
    settings = DenoiseSettings(influence="replay", measure=measure, **small)
    data = read_data(settings)
    data = data._replace(validation=[image._replace(pixels=image.pixels[:16, :16]) for image in data.validation[:2]])
    Workdir(tmp_path, settings, {"images": data.fingerprint()})
    (tmp_path / RESULT).write_text(json.dumps({"rounds": [], "images": []}))
    run = RunFolder(tmp_path, data)
    each = pair_scores(run, data, [[0], [1]], "replay")
    assert each.shape == (len(data.patches.pixels), 2)
    both = pair_scores(run, data, [[0, 1]], "replay")
    np.testing.assert_allclose(each.sum(axis=1), both[:, 0], atol=1e-4 * np.abs(both).max())


def test_another_ranking_counts_no_unfavorable_samples(tmp_path, draw):
    classification_folder(tmp_path, ONE_SEED, rank_by="aum")
    with pytest.raises(UserError, match="--rank_by=aum tells not which are unfavorable"):
        draw("unfavorable_counts", RunFolder(tmp_path))


def test_a_run_that_is_not_finished_is_refused(tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps({"dataset": "digits"}))
    with pytest.raises(ValueError, match="holds no finished run"):
        RunFolder(tmp_path)
    with pytest.raises(ValueError, match="holds no finished run"):
        RunFolder(tmp_path / "none")
