"""The patches per second that the benchmark of training prints."""

import re

import pytest
from absl import flags
from absl.testing import flagsaver

from benchmarks.measuring import counting
from benchmarks.training import throughput


class Training:
    """Dispatches of one step, ten, and a rest, as `tfdrop.training.Training` has; each step takes a second."""

    def __init__(self):
        self.seconds = 0.0

    def dispatches(self):
        for steps in (1, 1, 10, 10, 3, 10, 1, 10, 10):
            self.seconds += steps
            yield [0.0] * steps


@pytest.fixture
def parsed():
    with flagsaver.flagsaver():
        flags.FLAGS(["throughput", "--steps=4", "--batch_size=32", "--depth=3", "--filters=4", "--patch_size=8"])
        yield


@pytest.mark.usefixtures("parsed")
def test_speeds_are_those_of_the_steps_that_were_taken(monkeypatch):
    """A dispatch may take more steps than a turn has left, and an epoch ends with fewer."""
    training = Training()
    monkeypatch.setattr("tfdrop.denoising.denoiser_training", lambda *_, **__: training)
    steps = []
    turn = counting(throughput._tfdrop(None, None), steps)
    turn()  # before the timed ones
    seconds = []
    for _ in range(4):
        start = training.seconds
        turn()
        seconds.append(training.seconds - start)
    assert seconds == [10, 13, 11, 10]
    assert throughput.speeds(steps, seconds).tolist() == [32] * 4


@pytest.mark.usefixtures("parsed")
def test_the_page_has_the_median_and_its_share_of_the_matrix_products():
    page = throughput._report({"tfdrop": [100.0, 300.0, 200.0]}, 2e9)
    assert re.search(r"\| tfdrop \| 200\.0 \| 300\.0 to 100\.0 \|", page)
    # Three convolutions of 4 maps on 8x8 pixels, a product and a sum each, three times as many in a step.
    operations = 3 * 2 * 8 * 8 * (9 * 1 * 4 + 9 * 4 * 4 + 9 * 4 * 1)
    assert f"{200 * operations / 2e9:.0%}" in page
