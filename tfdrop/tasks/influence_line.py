"""What a report says of how influence was computed, or of what ranked the samples instead."""

from collections.abc import Mapping
from typing import Any

from tfdrop.tasks.ranking import TITLES

MEASURES = {"loss": "validation loss", "expected_error": "expected validation error", "psnr": "validation PSNR"}


def influence_line(influence: Mapping[str, Any]) -> str:
    """Returns the line that a table's reader judges an influence by.

    Args:
        influence: The summary of an influence, or of a ranking, in a result.

    >>> influence_line({"measure": "loss", "horizon": 0.5})
    'Replay of the last 50 % of the training, on the validation loss.'
    >>> influence_line({"measure": "expected_error", "horizon": 1, "seeds": 3, "trimmed": 1, "smoothness": 0.983})
    'Replay of the whole training, on the expected validation error, trimmed mean over 3 seeds, smoothness 0.98.'
    >>> influence_line({"rank_by": "aum", "seeds": 3})
    'Ranked by the area under the margin, mean over 3 seeds; how many were dropped was set or tried.'
    """
    trimmed = "trimmed " if influence.get("trimmed") else ""
    seeds = f", {trimmed}mean over {influence['seeds']} seeds" if influence.get("seeds", 1) > 1 else ""
    if "rank_by" in influence:
        return f"Ranked by {TITLES[influence['rank_by']]}{seeds}; how many were dropped was set or tried."
    if "horizon" in influence:
        part = (
            "the whole training"
            if influence["horizon"] == 1
            else f"the last {influence['horizon']:.0%} of the training"
        )
        smoothness = f", smoothness {influence['smoothness']:.2f}" if "smoothness" in influence else ""
        return f"Replay of {part.replace('%', ' %')}, on the {MEASURES[influence['measure']]}{seeds}{smoothness}."
    found = f"Basis of {influence['basis']} vectors, with" if "basis" in influence else "Solve with"
    return (
        f"{found} {influence['curvature']} + {influence['damping']:.4g} I "
        f"(eigenvalues about {influence['smallest_eigenvalue']:.4g} to {influence['largest_eigenvalue']:.4g}): "
        f"relative residual {influence['residual']:.3f}{'' if influence['converged'] else ', not converged'}."
    )
