"""Replay on JAX, where TensorFlow is absent, against the same training on TensorFlow."""

import json
from pathlib import Path

import numpy as np
import replay_scores
from programs import run_on_jax


def test_scores_are_those_of_tensorflow():
    finished = run_on_jax(Path(replay_scores.__file__))
    assert finished.returncode == 0, finished.stderr
    theirs, streamed = np.array(json.loads(finished.stdout.splitlines()[-1]))
    np.testing.assert_array_equal(streamed, theirs)
    ours = replay_scores.scores()
    np.testing.assert_allclose(theirs, ours, rtol=2e-3, atol=2e-3 * np.abs(ours).max())
    assert np.abs(ours).max() > 0
