"""Pictures, read back: from the file's pixels, and from the figure that was saved."""

import numpy as np
import PIL.Image
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy import ndimage

from tfdrop import plots

RED = np.array(to_rgb("tab:red")) * 255


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """The path to write to, and the list of figures that were written."""
    figures = []
    write = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), write(self, *a, **k))[1])
    return tmp_path / "a.png", figures


def pixels(path):
    with PIL.Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(float)


def tiles(path, colour):
    """Number of connected areas of a colour that are larger than a letter."""
    near = np.abs(pixels(path) - np.array(colour)).max(-1) < 12
    areas, count = ndimage.label(near)
    return int((ndimage.sum_labels(near, areas, range(1, count + 1)) > 400).sum())


def test_pictures_are_compared_side_by_side_and_clipped(saved):
    path, figures = saved
    plots.comparison(
        path, [("dark", np.full((40, 60), 0.25)), ("b$_$", np.full((40, 60), 0.5)), ("c", np.full((40, 60), 7.0))]
    )
    assert tiles(path, [64] * 3) == tiles(path, [128] * 3) == 1
    assert [axes.get_xlabel() for axes in figures[0].axes] == ["dark", "b$_$", "c"]
    height, width, _ = pixels(path).shape
    assert width > 2.5 * height
    with pytest.raises(
        ValueError, match=r"images of one shape, grey or in colour. Received: shapes \[\(4, 5\), \(5, 4\)\]"
    ):
        plots.comparison(path, [("a", np.zeros((4, 5))), ("b", np.zeros((5, 4)))])


def test_a_gallery_has_a_tile_an_image_and_frames_around_marked_ones(saved):
    path, figures = saved
    patches = np.full((5, 6, 6, 1), 0.25)
    plots.gallery(path, patches, list("abcde"), columns=3, marked=[True, False, False, True, False])
    assert tiles(path, [64] * 3) == 5
    assert tiles(path, RED) == 2
    shown = [axes for axes in figures[0].axes if axes.images]
    assert [axes.get_xlabel() for axes in shown] == list("abcde")
    assert len(figures[0].axes) == 6
    plots.gallery(path, patches, list("abcde"), columns=3)
    assert tiles(path, RED) == 0


@pytest.mark.parametrize(
    ("shape", "colour"), [((2, 6, 6, 3), [255, 0, 0]), ((2, 6, 6), [128] * 3), ((2, 1, 6, 1), [128] * 3)]
)
def test_a_gallery_takes_grey_and_colour(saved, shape, colour):
    patches = np.full(shape, 0.5) if shape[-1] != 3 else np.broadcast_to([1.0, 0, 0], shape)
    plots.gallery(saved[0], patches, ["a", "b"])
    assert tiles(saved[0], colour) == 2


def test_a_gallery_of_nothing_says_so_and_counts_must_agree(saved):
    path, figures = saved
    plots.gallery(path, np.zeros((0, 6, 6)), [])
    assert [text.get_text() for text in figures[0].texts] == ["none"]
    with pytest.raises(ValueError, match=r"`captions`. Expected 2 texts"):
        plots.gallery(path, np.zeros((2, 6, 6)), ["a"])
    with pytest.raises(ValueError, match=r"`marked`. Expected 2 booleans"):
        plots.gallery(path, np.zeros((2, 6, 6)), ["a", "b"], marked=[True])


def bars(axes, colour):
    found = [bar for bar in axes.patches if np.allclose(bar.get_facecolor()[:3], to_rgb(colour))]
    return {round(bar.get_x(), 6): bar.get_height() for bar in found if bar.get_height()}


def test_the_histogram_counts_all_and_the_dropped_in_red(saved):
    path, figures = saved
    scores = np.random.default_rng(0).normal(size=500)
    dropped = (scores > 1) & (np.arange(500) % 2 == 0)  # as with a cap by class
    plots.influence_histogram(path, scores, scores[dropped].min(), dropped)
    [axes] = figures[0].axes
    heights, edges = np.histogram(scores, 100)
    assert sum(bars(axes, "0.6").values()) == 500
    assert bars(axes, "0.6") == {round(x, 6): n for x, n in zip(edges, heights, strict=False) if n}
    red, edges = np.histogram(scores[dropped], edges)
    assert bars(axes, "tab:red") == {round(x, 6): n for x, n in zip(edges, red, strict=False) if n}
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == [f"0: {np.mean(scores > 0):.1%} above", f"dropped: {dropped.mean():.1%}"]
    assert (np.abs(pixels(path) - RED).max(-1) < 12).sum() > 100


def test_the_histogram_without_marks_draws_the_line_alone(saved):
    path, figures = saved
    plots.influence_histogram(path, [-1.0, 0.5, 1.0, 2.0], 1.0)
    [axes] = figures[0].axes
    assert [line.get_xdata()[0] for line in axes.lines] == [0, 1]
    assert axes.get_legend().get_texts()[1].get_text() == "dropped from here: 50.0%"
    assert bars(axes, "tab:red") == {}
    plots.influence_histogram(path, [-1.0, 0.5], None)
    assert len(figures[1].axes[0].lines) == 1


def test_scores_that_are_not_finite_are_refused(saved):
    with pytest.raises(ValueError, match="`scores`"):
        plots.influence_histogram(saved[0], [1.0, np.nan], None)
    with pytest.raises(ValueError, match=r"`dropped`. Expected 2 booleans"):
        plots.influence_histogram(saved[0], [1.0, 2.0], None, [True])


def test_long_captions_are_wrapped_and_lose_nothing(saved):
    path, figures = saved
    name = "train/bumblebees of the north/IMG_20240501_113059.jpeg"
    plots.gallery(path, np.full((2, 6, 6), 0.25), [f"{name}\n0.5", "b"], columns=2)
    caption = figures[0].axes[0].get_xlabel()
    assert caption.replace("\n", "").replace(" ", "") == f"{name}0.5".replace(" ", "")
    assert max(map(len, caption.splitlines())) <= 20
    assert caption.splitlines()[-1] == "0.5"
