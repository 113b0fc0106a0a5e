"""What a run writes of its influences: the gallery, the table and the list agree with the scores."""

import csv

import numpy as np
import PIL.Image
import pytest
from matplotlib.figure import Figure

from tfdrop.tasks.influence_files import ScoredRound, write_influence

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
