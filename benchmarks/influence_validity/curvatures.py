"""The curvatures that influence is computed with."""

from absl import flags

TITLES = {"hessian": "Hessian", "gauss_newton": "Gauss-Newton"}

CURVATURES = flags.DEFINE_multi_enum("curvature", list(TITLES), list(TITLES), "Curvatures for the networks' influence.")
