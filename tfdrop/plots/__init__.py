"""Pictures of results, written as PNG files: one kind of figure a module.

Every function takes first where to write: a path, or a binary file that is open.
"""

from tfdrop.plots.class_counts import class_counts
from tfdrop.plots.comparison import comparison, liveliest
from tfdrop.plots.curves import curves
from tfdrop.plots.dependence import Line, Panel, dependence
from tfdrop.plots.detections import Boxes, DetectionPicture, detections
from tfdrop.plots.gallery import gallery
from tfdrop.plots.heat_maps import heat_maps
from tfdrop.plots.influence_histogram import influence_histogram
from tfdrop.plots.overlaps import overlaps
from tfdrop.plots.pairs import PairRow, pairs
from tfdrop.plots.strongest_channels import strongest_channels
from tfdrop.plots.unfavorable_counts import unfavorable_counts

__all__ = [
    "Boxes",
    "DetectionPicture",
    "Line",
    "PairRow",
    "Panel",
    "class_counts",
    "comparison",
    "curves",
    "dependence",
    "detections",
    "gallery",
    "heat_maps",
    "influence_histogram",
    "liveliest",
    "overlaps",
    "pairs",
    "strongest_channels",
    "unfavorable_counts",
]
