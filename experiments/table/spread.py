"""What the tables of both kinds of experiment share."""

import numpy as np

from tfdrop.tasks.state import finished_arms


def finished_results(arm, states):
    """Returns an arm's results in those states that have finished it."""
    results = [finished_arms(state).get(arm.name) for state in states]
    return [result for result in results if result is not None]


def spread(values, digits=3):
    """Returns the text of a mean, the standard deviation where there are several values, and their number."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f} (n=1)"
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f} (n={len(values)})"
