"""How long a run took, step by step: the paper's T, T_s and T_d (Data Dropout, section V)."""

from collections.abc import Mapping


def timing_line(seconds: Mapping[str, Mapping[str, float]]) -> str:
    """Returns the line of a report that says how long each training, and finding the samples to drop, took.

    Args:
        seconds: For each training the seconds of its steps, `"training"` and `"influence"`.

    >>> timing_line({"round 1": {"training": 61.24, "influence": 9.0}, "round 2": {"training": 59.5}})
    'Time: round 1 61.2 s, finding samples to drop 9.0 s, round 2 59.5 s.'
    """
    names = {"training": "{}", "influence": "finding samples to drop"}
    parts = [
        f"{names[step].format(training)} {steps[step]:.1f} s"
        for training, steps in seconds.items()
        for step in names
        if step in steps
    ]
    return f"Time: {', '.join(parts)}."
