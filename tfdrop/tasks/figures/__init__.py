"""The papers' figures, drawn from the folders of runs: one figure a module."""
