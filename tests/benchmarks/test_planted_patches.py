"""The benchmark of bad patches: what is planted, and what its tables say."""

import numpy as np
import pytest
from benchmark_runs import cells
from scipy import stats

from benchmarks.planted_patches.denoisers import LOSS, REPLAY, WITH_A_ZERO
from benchmarks.planted_patches.planted import GOOD, KINDS, PlantedPatches, planted
from benchmarks.planted_patches.report import lines
from benchmarks.wrong_labels.arms import FULL, RANDOM, dropped_samples
from tfdrop.data.images.grey import Image
from tfdrop.data.images.patches import draw_patches

RNG = np.random.default_rng(0)
IMAGES = [Image(name, RNG.random((13, 17)).astype("float32")) for name in "ab"]
PATCHES = draw_patches(IMAGES, size=9, per_image=150)


def test_each_kind_is_planted_as_it_is_described():
    found = planted(PATCHES, IMAGES, 0.1, sigma=0, seed=1)
    assert [np.sum(found.kind == name) for name in KINDS] == [10, 10, 10]
    good = PATCHES.pixels
    np.testing.assert_array_equal(found.noisy[~found.bad], good[~found.bad])
    np.testing.assert_array_equal(found.clean[~found.bad], good[~found.bad])
    of = {name: found.kind == name for name in KINDS}
    np.testing.assert_array_equal(found.clean[of["clipped"]], np.minimum(3 * good[of["clipped"]], 1))
    assert np.ptp(found.clean[of["blank"]], axis=(1, 2, 3)).max() == 0
    for name in ("clipped", "blank"):
        np.testing.assert_array_equal(found.clean[of[name]], found.noisy[of[name]])
    for at in np.flatnonzero(of["registration"]):
        noisy, clean = found.noisy[at], found.clean[at]
        np.testing.assert_array_equal(noisy, good[at])
        shifts = [
            (down, right)
            for down in (-2, 2)
            for right in (-2, 2)
            if np.array_equal(*overlap(noisy, clean, down, right))
        ]
        assert len(shifts) == 1


def overlap(noisy, clean, down, right):
    """What two patches share if the clean one lies so many pixels further down and to the right."""
    rows = [slice(max(0, by), 9 + min(0, by)) for by in (down, -down)]
    columns = [slice(max(0, by), 9 + min(0, by)) for by in (right, -right)]
    return noisy[rows[0], columns[0]], clean[rows[1], columns[1]]


def test_noise_and_bad_patches_are_of_the_seed():
    one, again, other = (planted(PATCHES, IMAGES, 0.1, sigma=25, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.noisy, again.noisy)
    assert (one.kind != other.kind).any()
    deviation = (one.noisy - one.clean)[~one.bad].std() * 255
    assert deviation == pytest.approx(25, rel=0.02)


def test_tables_pair_repetitions_and_tell_which_kinds_are_found():
    found, values = [], {}
    for seed in range(5):
        kind = np.array([GOOD] * 40 + [name for name in KINDS for _ in range(5)])
        patches = PlantedPatches(np.empty(55), np.empty(55), kind)
        rankings = {REPLAY: (kind == "blank") + 0.1 * RNG.random(55), LOSS: (kind != GOOD) + 0.1 * RNG.random(55)}
        dropped = dropped_samples(rankings, patches.bad, 15, seed, WITH_A_ZERO)
        psnr = {name: float(RNG.normal(28, 1)) for name in dropped}
        for name, value in psnr.items():
            values.setdefault(name, []).append(value)
        found.append((patches, rankings, dropped, psnr))
    rows = cells("\n".join(lines(found)))
    arms, areas = {row[0]: row for row in rows[:-2]}, {row[0]: row for row in rows[-2:]}
    assert arms.keys() == values.keys()
    for place, other in ((3, FULL), (4, RANDOM)):
        expected = stats.ttest_rel(values[LOSS], values[other]).confidence_interval(0.95)
        mean, low, high = (float(word.strip("[],")) for word in arms[LOSS][place].split())
        assert (low, high) == pytest.approx(tuple(expected), abs=0.00051)
        assert mean == pytest.approx(np.mean(values[LOSS]) - np.mean(values[other]), abs=0.00051)
    assert arms[LOSS][-1] == "1.00"
    assert 5 / 15 <= float(arms[REPLAY][-1]) < 0.8
    assert areas[LOSS][1:] == ["1.00"] * 3
    assert areas[REPLAY][-1] == "1.00"
    assert float(areas[REPLAY][1]) < 0.9
