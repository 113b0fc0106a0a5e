"""Influence functions: autodiff (one file a backend) -> curvature -> spectrum, solver -> scores."""

from tfdrop.influence.lissa import DivergenceError, LiSSA
from tfdrop.influence.scores import Influence, total_influence

__all__ = ["DivergenceError", "Influence", "LiSSA", "total_influence"]
