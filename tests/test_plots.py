"""Pictures, read back: from the file's pixels, and from the figure that was saved."""

import numpy as np
import PIL.Image
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy import ndimage

from tfdrop import plots
from tfdrop.overlap import overlap
from tfdrop.plots import Line, PairRow, Panel
from tfdrop.plots.style import HELPS, MARK

RED = np.array(to_rgb(MARK)) * 255


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
    # Each whole, in which a frame encloses the detail, and the detail.
    assert tiles(path, [64] * 3) == tiles(path, [128] * 3) == 3
    assert [axes.get_xlabel() for axes in figures[0].axes] == ["dark", "b$_$", "c", "", "", ""]
    height, width, _ = pixels(path).shape
    assert width > 1.5 * height
    with pytest.raises(
        ValueError, match=r"images of one shape, grey or in colour. Received: shapes \[\(4, 5\), \(5, 4\)\]"
    ):
        plots.comparison(path, [("a", np.zeros((4, 5))), ("b", np.zeros((5, 4)))])


@pytest.mark.parametrize(("shape", "top", "left"), [((40, 60), 17, 31), ((90, 30), 70, 0)])
def test_the_detail_is_the_part_of_the_last_picture_where_most_is_going_on(saved, shape, top, left):
    path, figures = saved
    rng = np.random.default_rng(0)
    clean = np.linspace(0, 1, shape[0])[:, None] * np.ones(shape)
    side = round(0.25 * min(shape))
    clean[top : top + side, left : left + side] = rng.random((side, side))
    noisy = rng.random(shape)
    plots.comparison(path, [("noisy", noisy), ("clean", clean)])
    at = plots.liveliest(clean)
    assert abs(at[0] - top) <= 1
    assert abs(at[1] - left) <= 1
    details = [axes.images[0].get_array() for axes in figures[0].axes[2:]]
    for picture, detail in zip((noisy, clean), details, strict=True):
        np.testing.assert_array_equal(detail, picture[at[0] : at[0] + side, at[1] : at[1] + side])


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
    assert bars(axes, MARK) == {round(x, 6): n for x, n in zip(edges, red, strict=False) if n}
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == [f"0: {np.mean(scores > 0):.1%} above", f"dropped: {dropped.mean():.1%}"]
    assert (np.abs(pixels(path) - RED).max(-1) < 12).sum() > 100


def test_the_histogram_without_marks_draws_the_line_alone(saved):
    path, figures = saved
    plots.influence_histogram(path, [-1.0, 0.5, 1.0, 2.0], 1.0)
    [axes] = figures[0].axes
    assert [line.get_xdata()[0] for line in axes.lines] == [0, 1]
    assert axes.get_legend().get_texts()[1].get_text() == "dropped from here: 50.0%"
    assert bars(axes, MARK) == {}
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


def test_curves_are_means_with_the_range_of_the_seeds(saved):
    path, figures = saved
    values = np.random.default_rng(0).random((3, 7))
    plots.curves(path, {"test error (%)": {"a": values, "b": values[:1]}, "training loss": {"b": values[1:2]}})
    error, loss = figures[0].axes
    first, second = error.lines
    np.testing.assert_allclose(first.get_ydata(), values.mean(axis=0))
    assert first.get_xdata().tolist() == [1, 2, 3, 4, 5, 6, 7]
    [band] = error.collections
    height = band.get_paths()[0].vertices[:, 1]
    assert (height.min(), height.max()) == (values.min(), values.max())
    assert (error.get_ylabel(), loss.get_ylabel(), loss.get_xlabel()) == ("test error (%)", "training loss", "epoch")
    assert second.get_color() == loss.lines[0].get_color() != first.get_color()
    assert second.get_linestyle() != first.get_linestyle()
    for panels in ({}, {"loss": {}}, {"loss": {"a": np.ones(3)}}):
        with pytest.raises(ValueError, match="`panels`"):
            plots.curves(path, panels)


def test_as_many_bars_as_rounds_in_each_run(saved):
    path, figures = saved
    plots.unfavorable_counts(path, {"a": [[10, 12], [4, 8], [3, 3]], "b": [[7], [5]]}, unit="images")
    [axes] = figures[0].axes
    assert [[bar.get_height() for bar in bars] for bars in bar_containers(axes)] == [[11, 6, 3], [7, 5]]
    assert axes.get_ylabel() == "unfavorable training images"
    with pytest.raises(ValueError, match="`counts`"):
        plots.unfavorable_counts(path, {"a": []})


def bar_containers(axes):
    return [each for each in axes.containers if hasattr(each, "patches")]


def test_class_counts_are_shares_with_the_dropped_inside(saved):
    path, figures = saved
    plots.class_counts(path, ["cat", "do$g", "bee"], [10, 20, 0], [2, 10, 0], [1, 0, 0], group="image")
    [axes] = figures[0].axes
    unfavorable, dropped = bar_containers(axes)
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["do$g", "cat", "bee"]
    assert [bar.get_width() for bar in unfavorable] == [50, 20, 0]
    assert [bar.get_width() for bar in dropped] == [0, 10, 0]
    assert [text.get_text().strip() for text in axes.texts] == ["10 of 20", "2 of 10, 1 dropped", "0 of 0"]
    assert axes.get_xlabel() == "share of the image's training samples (%)"
    with pytest.raises(ValueError, match=r"Received: 1 names, counts \(2,\), \(1,\), \(1,\)"):
        plots.class_counts(path, ["cat"], [1, 2], [1], [1])


def test_a_dependence_is_sorted_and_has_levels(saved):
    path, figures = saved
    lines = {"SelectScale": Line([0.4, 0.1, 0.2], [3.0, 1.0, 2.0], [0.1, 0.2, np.nan])}
    plots.dependence(path, [Panel("top_rate", "test error (%)", lines, {"none": 2.5}), Panel("x", "y", lines)])
    first, second = figures[0].axes
    assert first.lines[0].get_xdata().tolist() == [0.1, 0.2, 0.4]
    assert first.lines[0].get_ydata().tolist() == [1, 2, 3]
    assert any(list(line.get_ydata()) == [2.5, 2.5] for line in first.lines)
    assert (first.get_xlabel(), first.get_ylabel(), second.get_xlabel()) == ("top_rate", "test error (%)", "x")
    with pytest.raises(ValueError, match="one length"):
        plots.dependence(path, [Panel("x", "y", {"a": Line([1, 2], [1], [0])})])


def test_a_heat_map_is_bright_where_the_object_is(saved):
    path, figures = saved
    images = np.full((2, 16, 16, 3), 0.5)
    maps = np.zeros((2, 16, 16))
    maps[0, 2:6, 3:7], maps[1, 10:14, 8:12] = 2.0, 0.5
    maps[:, 0, 0] = -9  # what speaks against the class is as dark as nothing
    plots.heat_maps(path, images, {"a": maps, "b": -maps}, ["cat", "dog"], {"a": ["cat", "dog"], "b": ["", ""]})
    *grid, bar = figures[0].axes
    assert len(grid) == 6
    for row, (top, left) in enumerate([(2, 3), (10, 8)]):
        shown = grid[3 * row + 1].images[-1].get_array()
        assert np.unravel_index(shown.argmax(), shown.shape) == (top, left)
        assert (shown.min(), shown.max()) == (0, 1)
    assert "evidence for the class" in bar.get_ylabel()
    assert [axes.get_title() for axes in grid[:3]] == ["", "a", "b"]
    assert grid[3].get_xlabel() == "dog"
    with pytest.raises(ValueError, match=r"`maps`. Expected arrays of shape \(2, 16, 16\)"):
        plots.heat_maps(path, images, {"a": maps[:1]}, ["cat", "dog"])
    with pytest.raises(ValueError, match="`captions`"):
        plots.heat_maps(path, images, {"a": maps}, ["cat"])


def test_the_strongest_channels_are_bars_by_class(saved):
    path, figures = saved
    counts = {"cat": np.array([1, 5, 0, 2]), "do$g": np.array([0, 0, 9, 0]), "bee": np.array([1, 0, 0, 0])}
    plots.strongest_channels(path, counts)
    shown = [axes for axes in figures[0].axes if axes.containers]
    assert [[bar.get_height() for bar in axes.patches] for axes in shown] == [each.tolist() for each in counts.values()]
    assert shown[0].get_title() == "cat: channel 1 in 62%"
    with pytest.raises(ValueError, match="`counts`"):
        plots.strongest_channels(path, {"cat": np.ones(3), "dog": np.ones(4)})


def test_overlaps_stand_beside_what_chance_gives(saved):
    path, figures = saved
    one, other = np.arange(100) < 30, np.arange(100) % 2 == 0
    found = overlap(one, other)
    plots.overlaps(path, [("a and b", found)], ["a", "b"], [5.0, 7.0], [0.3, 0.5])
    left, right = figures[0].axes
    chance, shared = left.lines[:2]
    assert chance.get_xdata().tolist() == [found.low, found.high]
    assert shared.get_xdata() == [15]
    assert [line.get_ydata()[0] for line in right.lines] == [30, 50]
    with pytest.raises(ValueError, match="`pairs`"):
        plots.overlaps(path, [], [], [], [])


def test_pairs_are_framed_by_what_they_do(saved):
    path, figures = saved
    image = np.full((6, 6, 1), 0.25)
    row = PairRow(image, "a 3", [(image, "8\n0.5")] * 3, [(image, "3\n-0.5")] * 2)
    plots.pairs(path, [row, PairRow(None, "all of class 4", [], [(image, "4")])])
    assert tiles(path, [64] * 3) == 7
    assert tiles(path, np.array(to_rgb(MARK)) * 255) == 3
    assert tiles(path, np.array(to_rgb(HELPS)) * 255) == 3
    assert figures[0].axes[0].get_title(loc="left") == "validation"
    with pytest.raises(ValueError, match="`rows`"):
        plots.pairs(path, [])
