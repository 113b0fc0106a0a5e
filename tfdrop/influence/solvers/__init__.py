"""Solvers of `(curvature + damping I) s = v`, one a file, and the driver that they share."""
