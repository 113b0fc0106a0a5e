"""Experiments that run anywhere in slices: a catalogue, a runner, a table, a bundle for machines without network."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # as in train/
