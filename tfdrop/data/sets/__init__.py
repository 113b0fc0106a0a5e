"""Labelled image sets: where they come from, the one form that they have in memory, how they are split."""
