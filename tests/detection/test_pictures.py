"""The picture of detections: a box for each object, each text with the box that it is about."""

import io

import numpy as np
import PIL.Image
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tfdrop import plots


def test_boxes_are_where_they_were_found(monkeypatch):
    figures = []
    write = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), write(self, *a, **k))[1])
    found = plots.Boxes(np.array([[2, 3, 10, 12], [0, 0, 5, 5]]), np.array([1, 0]), ["cat 0.90", "$dog 0.40"])
    empty = plots.Boxes(np.zeros((0, 4)), np.zeros(0, int), [])
    images = [
        plots.DetectionPicture(np.zeros((16, 20, 3)), "a.jpg", found, np.array([[2, 2, 10, 12]])),
        plots.DetectionPicture(np.ones((20, 16, 3)), "b.jpg", empty, np.zeros((0, 4))),
    ]
    target = io.BytesIO()
    plots.detections(target, images)
    target.seek(0)
    assert np.asarray(PIL.Image.open(target)).std() > 10
    first, second = figures[0].axes
    boxes = {each.get_linestyle(): [] for each in first.patches}
    for each in first.patches:
        assert isinstance(each, Rectangle)
        boxes[each.get_linestyle()].append((each.get_x(), each.get_y(), each.get_width(), each.get_height()))
    assert boxes == {"--": [(1.5, 1.5, 8, 10)], "solid": [(-0.5, -0.5, 5, 5), (1.5, 2.5, 8, 9)]}  # the surer one on top
    places = {each.get_text(): (each.get_position(), each.get_va()) for each in first.texts}
    assert places == {"cat 0.90": ((1.5, 2.5), "bottom"), "$dog 0.40": ((-0.5, -0.5), "top")}
    assert (first.get_xlabel(), second.get_xlabel(), len(second.patches)) == ("a.jpg", "b.jpg", 0)


def test_no_pictures():
    with pytest.raises(ValueError, match="Expected at least one"):
        plots.detections(io.BytesIO(), [])
