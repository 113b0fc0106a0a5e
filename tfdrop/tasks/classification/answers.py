"""Which answers of a network are wrong."""

import numpy as np


def wrong_answers(answers: np.ndarray, labels: np.ndarray, k: int = 1) -> np.ndarray:
    """Tells for each image whether its label is not among the k classes with the highest answers.

    All are wrong where any answer is not finite, as a network that diverged has learned nothing.

    >>> wrong_answers(np.array([[0.5, 0.4, 0.1], [0.0, 1.0, 0.0]]), np.array([0, 2])).tolist()
    [False, True]
    """
    if not np.isfinite(answers).all():
        return np.ones(len(answers), bool)
    # Of equal answers, which half precision makes and a dead network, the first is taken, as argmax does.
    highest = np.argsort(-answers, axis=1, kind="stable")[:, :k]
    return ~(highest == labels[:, None]).any(axis=1)
