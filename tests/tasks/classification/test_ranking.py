"""--rank_by and --class_weight: what a run ranks its images by, and what its trainings weigh."""

import dataclasses

import keras
import numpy as np
import pytest

from tfdrop.checkpoint import Checkpoint, Pace
from tfdrop.data_dropout.rankings import negative_margins
from tfdrop.errors import UserError
from tfdrop.influence import ConjugateGradient, replay_influence, self_influence, total_influence
from tfdrop.tasks.arm import Arm
from tfdrop.tasks.classification.class_weights import class_weights
from tfdrop.tasks.classification.data import read_data
from tfdrop.tasks.classification.ranking import FOLDS, folds, output_folder
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.classification.task import ClassificationTask
from tfdrop.tasks.classification.training import centred
from tfdrop.tasks.ranking import OF_OUTPUTS, TRIED_RANKINGS
from tfdrop.tasks.replay_step import of_leaving_out, record_folder
from tfdrop.training import Training

SAMPLES = 40
ARM = Arm("round 1")
SETTINGS = ClassifySettings(train_samples=SAMPLES, epochs=2, drop="none", batch_size=20, rank_by="aum")


def task_of(**changed):
    settings = dataclasses.replace(SETTINGS, **changed)
    return ClassificationTask(settings, read_data(settings))


def checkpoint(folder):
    return Checkpoint(folder / "checkpoint.npz", "key", Pace())


AUTO = {"rank_by": "auto", "max_drop": "auto"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The records of a training that several rankings will be asked for, and its network."""
    folder = tmp_path_factory.mktemp("run")
    model = task_of(**AUTO).train(ARM, np.arange(SAMPLES), folder, "key", Pace(), folder / "records", None)
    return folder / "records", model


@pytest.mark.parametrize("name", OF_OUTPUTS)
def test_what_a_training_gives_away_is_of_the_very_training(trained, tmp_path, name):
    records, model = trained
    task = task_of(rank_by=name)
    found = task.influence(ARM, model, np.arange(SAMPLES), checkpoint(tmp_path), records)
    assert found.scores.shape == (SAMPLES,)
    assert (found.name, found.trainings) == (name, 1)
    if name == "loss":
        x, y = task.data.train
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
        expected = np.array(loss(y, model.predict(x, verbose=0)))
        np.testing.assert_allclose(found.scores, expected, rtol=1e-4, atol=1e-6)


def test_one_training_is_asked_for_every_ranking_that_trials_choose_from(trained, tmp_path):
    records, model = trained
    task, samples = task_of(**AUTO), np.arange(SAMPLES)
    before = {path: path.stat().st_mtime_ns for path in records.rglob("*") if path.is_file()}
    for name in TRIED_RANKINGS:
        arm = ARM._replace(settings={"rank_by": name})
        found = task.influence(arm, model, samples, checkpoint(tmp_path), records)
        assert found.scores.shape == (SAMPLES,)
        assert getattr(found, "name", "influence") == name
    assert record_folder(records, 0).exists()
    # Nothing was trained again.
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert task.settings.tried_rankings == TRIED_RANKINGS
    assert [task.settings.threshold_of(name) for name in TRIED_RANKINGS] == [0.0, -np.inf]


def test_margins_are_averaged_over_the_trainings_of_several_seeds(trained, tmp_path):
    records, model = trained
    task = task_of(influence_seeds=2)
    found = task.influence(ARM, model, np.arange(SAMPLES), checkpoint(tmp_path), records)
    each = []
    for seed in (0, 1):
        folder = output_folder(records, seed)
        outputs = np.stack([np.load(folder / f"epoch{epoch}.npy") for epoch in (1, 2)])
        each.append(negative_margins(outputs, task.data.train[1]))
    assert not np.allclose(*each)
    np.testing.assert_allclose(found.scores, np.mean(each, axis=0))


def test_confident_learning_asks_networks_that_did_not_see_the_image(trained, tmp_path):
    """As after a stop: four of the five folds are there."""
    pytest.importorskip("cleanlab")
    task = task_of(rank_by="confident_learning", epochs=1)
    labels, rng = task.data.train[1], np.random.default_rng(0)
    fold_of = folds(labels, seed=0)
    for fold in range(FOLDS - 1):
        own = labels[fold_of == fold]
        sure = 0.9 * np.eye(10)[(own + (fold == 2)) % 10] + 0.1 * rng.dirichlet(np.ones(10), len(own))
        np.save(tmp_path / f"fold{fold}.npy", sure)
    found = task.influence(ARM, trained[1], np.arange(SAMPLES), checkpoint(tmp_path), tmp_path)
    assert np.all((found.scores >= 0) & (found.scores <= 1))
    assert found.scores[fold_of == 2].min() > found.scores[(fold_of != 2) & (fold_of != FOLDS - 1)].max()
    last = np.load(tmp_path / f"fold{FOLDS - 1}.npy")
    assert last.shape == (SAMPLES // FOLDS, 10)
    np.testing.assert_allclose(last.sum(axis=1), 1)


def test_self_influence_is_near_that_of_solves(trained, tmp_path):
    task, model, some = task_of(rank_by="self_influence"), trained[1], [3, 17]
    found = task.influence(ARM, model, np.arange(SAMPLES), checkpoint(tmp_path), tmp_path)
    x, y = task.data.train
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    solver = ConjugateGradient(depth=60, tolerance=1e-3)
    solved = self_influence(model, (centred(task.settings, x), y), loss=loss, samples=some, solver=solver, verbose=0)
    ratios = found.scores[some] / solved.scores
    assert np.all((ratios > 0.99) & (ratios < 1.3))


def test_folds_spread_every_class_evenly():
    labels = np.random.default_rng(0).integers(0, 3, 47)
    found = folds(labels, seed=5)
    for label in range(3):
        counts = np.bincount(found[labels == label], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1
    assert not np.array_equal(found, folds(labels, seed=6))


def test_chance_depends_on_the_seed_alone(trained, tmp_path):
    def scores(seed):
        task = task_of(rank_by="random").of_seed(seed)
        return task.influence(ARM, trained[1], np.arange(SAMPLES), checkpoint(tmp_path), tmp_path).scores

    np.testing.assert_array_equal(scores(1), scores(1))
    assert not np.array_equal(scores(1), scores(2))


def test_replay_with_weights_tells_what_leaving_out_does():
    """The derivative with respect to a factor of a sample's loss, by differences of whole trainings."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 3)).astype("float32"), rng.integers(0, 2, 12)
    validation = rng.normal(size=(5, 3)).astype("float32"), rng.integers(0, 2, 5)
    weights = np.where(y == 0, 3.0, 0.5)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def finished(sample_weights, record=False):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        run = Training(model, keras.optimizers.SGD(0.2), loss, (x, y), 4, 3, 0, sample_weights, record=record)
        for _ in run.dispatches():
            pass
        return run

    def measured(factor):
        factors = np.ones(12)
        factors[7] = factor
        model = finished(weights * factors).model
        return len(validation[1]) * float(loss(validation[1], model(validation[0])))

    found = of_leaving_out(replay_influence(finished(weights, record=True), validation, verbose=0), weights)
    assert found.scores[7] / 12 == pytest.approx((measured(1.05) - measured(0.95)) / 0.1, rel=1e-2)


def test_class_weights_reach_the_training_and_its_influence(tmp_path):
    own = {"rank_by": "influence", "influence": "cg", "influence_depth": 3, "influence_damping": "1", "epochs": 1}
    task = task_of(class_weight="0=2,3=0.25", **own)
    samples, lower = np.arange(SAMPLES), np.where(np.arange(SAMPLES) < 3, 0.5, 1.0)
    model = task.train(ARM, samples, tmp_path, "key", Pace(), None, lower)
    x, labels = task.data.train
    weights = np.where(labels == 0, 2.0, np.where(labels == 3, 0.25, 1.0))
    (tmp_path / "again").mkdir()
    plain = task_of(**own)
    again = plain.train(ARM, samples, tmp_path / "again", "key", Pace(), None, lower * weights)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    found = task.influence(ARM, model, samples, checkpoint(tmp_path), tmp_path)
    loss, solver = keras.losses.SparseCategoricalCrossentropy(from_logits=True), ConjugateGradient(depth=3)
    expected = total_influence(
        model,
        (x, labels, weights),
        task.data.validation,
        loss=loss,
        damping=1.0,
        solver=solver,
        measure="expected_error",
        curvature="gauss_newton",
        verbose=0,
    )
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-3, atol=1e-5 * np.abs(expected.scores).max())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zebra=2", "class_weight=zebra"),
        ("2", "class_weight=2"),
        ("0=-1", "at least 0"),
        ("0=many", "at least 0"),
        ("0=nan", "at least 0"),
        ("0=0,1=0", "above 0"),
    ],
)
def test_class_weights_that_make_no_sense_are_named(text, message):
    with pytest.raises(UserError, match=message):
        class_weights(text, np.array([0, 1, 1]), ("0", "1"))


def test_balanced_weights_are_scikit_learns():
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.random.default_rng(0).choice(4, 50, p=[0.6, 0.2, 0.1, 0.1])
    expected = compute_class_weight("balanced", classes=np.arange(4), y=labels)
    np.testing.assert_allclose(class_weights("balanced", labels, tuple("abcd")), expected)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"max_drop": 1.0}, r"--max_drop=1: only --rank_by=influence"),
        ({"count_last": True}, "--count_last: only --rank_by=influence"),
        ({"rank_by": "random", "influence_seeds": 2}, "--influence_seeds=2: only"),
        ({"rank_by": "influence", "influence": "cg", "influence_seeds": 2}, "--influence_seeds=2: only"),
        ({"rank_by": "auto"}, r"--rank_by=auto: needs the trials of --max_drop=auto"),
        (AUTO | {"curve": [10]}, "--rank_by=auto: not with --curve"),
        (AUTO | {"influence": "cg", "influence_seeds": 2}, "--influence_seeds=2: only"),
        ({"rank_by": "margin"}, "--rank_by=margin: expected one of"),
    ],
)
def test_settings_that_do_not_fit_a_ranking_are_refused(more, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(SETTINGS, **more)
