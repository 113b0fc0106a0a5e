"""What a run writes of its influences: the gallery, the table and the list agree with the scores."""

import csv

import numpy as np
import PIL.Image
import pytest
from least_squares import SAMPLES as SAMPLES_OF_TASK
from least_squares import LeastSquares
from matplotlib.figure import Figure

from tfdrop.tasks.influence_files import ScoredRound, scored_rounds, write_influence
from tfdrop.tasks.rounds import run_rounds
from tfdrop.tasks.settings import RunSettings

SAMPLES = np.array([0, 2, 3, 5, 6])  # the round's, of seven
SCORES = np.array([0.5, -1.0, 3.0, 2.0, -0.25])
DROPPED = np.array([3])


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The folder, and the figures that were written to it by their files' names."""
    figures = {}
    write = Figure.savefig

    def recording(figure, path, **options):
        figures[path.name.removeprefix(".partial-")] = figure
        return write(figure, path, **options)

    monkeypatch.setattr(Figure, "savefig", recording)
    shades = np.linspace(0, 1, 7)
    round = ScoredRound(1, SAMPLES, SCORES, DROPPED)
    columns = {"index": np.arange(10, 17), "label": np.arange(7)}
    names = [f"sample {number}" for number in range(7)]
    write_influence(
        tmp_path, columns, {"label": list("abcdefg")}, [round],
        lambda chosen: np.broadcast_to(shades[chosen][:, None, None], (len(chosen), 4, 4)), names,
    )  # fmt: skip
    return tmp_path, figures


def test_the_gallery_shows_unfavorable_samples_alone_and_frames_the_dropped(written):
    folder, figures = written
    shown = [axes for axes in figures["unfavorable.png"].axes if axes.images]
    assert [axes.get_xlabel() for axes in shown] == ["sample 3\n3", "sample 5\n2", "sample 0\n0.5"]
    assert [float(axes.images[0].get_array()[0, 0]) for axes in shown] == pytest.approx([3 / 6, 5 / 6, 0])
    widths = [axes.spines["left"].get_linewidth() for axes in shown]
    assert widths[0] > widths[1] == widths[2]
    with PIL.Image.open(folder / "unfavorable.png") as picture:
        picture.verify()


def test_the_table_and_the_list_agree(written):
    folder, _ = written
    with np.load(folder / "influence.npz") as table:
        influence = table["influence"]
        np.testing.assert_array_equal(influence[SAMPLES], SCORES)
        assert np.isnan(influence[[1, 4]]).all()
        np.testing.assert_array_equal(np.flatnonzero(~table["kept"]), DROPPED)
        np.testing.assert_array_equal(table["label"], np.arange(7))
    with open(folder / "dropped.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows[:5]] == ["d", "f", "a", "g", "c"]
    assert [row["decision"] for row in rows] == ["dropped"] + ["kept"] * 6
    assert "spread" not in rows[0]


def test_the_spread_over_trainings_stands_beside_each_sample(tmp_path):
    rng = np.random.default_rng(0)
    spread = rng.random(5)
    names = [str(number) for number in range(7)]
    round = ScoredRound(1, SAMPLES, SCORES, DROPPED, spread)
    write_influence(tmp_path, {"index": np.arange(7)}, {}, [round], lambda chosen: np.zeros((len(chosen), 4, 4)), names)
    with np.load(tmp_path / "influence.npz") as table:
        np.testing.assert_array_equal(table["spread"][SAMPLES], spread)
    with open(tmp_path / "dropped.csv", newline="") as file:
        rows = {int(row["index"]): row for row in csv.DictReader(file)}
    for sample, value in zip(SAMPLES, spread, strict=True):
        assert float(rows[sample]["spread"]) == pytest.approx(value, rel=1e-4)


def test_the_harmed_validation_samples_stand_beside_each_sample(tmp_path):
    harmed = np.array([[4, 0, 2], [1, -1, -1], [-1, -1, -1], [2, 3, -1], [0, 1, 2]])
    names = [str(number) for number in range(7)]
    round = ScoredRound(1, SAMPLES, SCORES, DROPPED, harmed=harmed)
    write_influence(tmp_path, {"index": np.arange(7)}, {}, [round], lambda chosen: np.zeros((len(chosen), 4, 4)), names)
    with open(tmp_path / "dropped.csv", newline="") as file:
        found = {int(row["index"]): row["harmed"] for row in csv.DictReader(file)}
    assert found == {0: "4 0 2", 1: "", 2: "1", 3: "", 4: "", 5: "2 3", 6: "0 1 2"}
    with np.load(tmp_path / "influence.npz") as table:
        np.testing.assert_array_equal(table["harmed"][SAMPLES], harmed)


@pytest.mark.parametrize("kind", ["spread", "harmed"])
def test_a_run_keeps_what_is_known_besides_the_scores(tmp_path, kind):
    values = {
        "spread": np.linspace(0.1, 1, SAMPLES_OF_TASK),
        "harmed": np.arange(3 * SAMPLES_OF_TASK).reshape(SAMPLES_OF_TASK, 3),
    }
    task = LeastSquares(RunSettings(max_drop=5))
    setattr(task, kind, values[kind])
    found = run_rounds(task, task.settings, tmp_path, rounds_differ=False)
    [round] = scored_rounds(found.done, found.arms)
    for name, expected in values.items():
        kept = getattr(round, name)
        if name == kind:
            np.testing.assert_array_equal(kept, expected)
        else:
            assert kept is None
