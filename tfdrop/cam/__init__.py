"""Class activation maps: where in an image a classifier sees the evidence for a class.

found = cam.activation_maps(model, images)
plots.heat_maps("maps.png", images, {"my model": found.maps}, captions)
"""

from tfdrop.cam.activation_maps import ActivationMaps, activation_maps
from tfdrop.cam.classifier_parts import ClassifierParts, classifier_parts

__all__ = ["ActivationMaps", "ClassifierParts", "activation_maps", "classifier_parts"]
