"""What influence predicts beside what retraining finds, on scikit-learn's digits; the benchmark at a small size."""

import numpy as np
import pytest
from scipy.stats import bootstrap, spearmanr
from sklearn.metrics import roc_auc_score

from benchmarks import pages
from benchmarks.influence_validity import labels as labels
from benchmarks.influence_validity import lds as lds
from benchmarks.influence_validity import loo as loo
from benchmarks.wrong_labels.planted import found_share, mislabelled
from tfdrop.data.sets.digits import load_digits
from tfdrop.influence import ConjugateGradient, self_influence, total_influence

SAMPLES = 800


@pytest.fixture(scope="module")
def digits():
    parts = load_digits()
    train, validation = ((loo.with_constant(x / 255), y) for x, y in (parts.train, parts.test))
    return tuple(part[:SAMPLES] for part in train), validation


def influence_of(regression, optimum, validation):
    model = loo.keras_model(regression, optimum)
    solver = ConjugateGradient(tolerance=1e-5)
    train = regression.x, regression.y
    return total_influence(model, train, validation, solver=solver, damping=0, batch_size=SAMPLES, verbose=0)


@pytest.fixture(scope="module")
def regression(digits):
    return loo.SoftmaxRegression(*digits[0], 10, l2=0.02)


@pytest.fixture(scope="module")
def optimum(regression):
    return regression.optimum()


@pytest.fixture(scope="module")
def influence(regression, optimum, digits):
    return influence_of(regression, optimum, digits[1])


def test_removal_effect_is_that_of_leave_one_out_retraining(regression, optimum, influence, digits):
    chosen = loo.choose(influence.removal_effect, 10, np.random.default_rng(0))
    assert np.intersect1d(*chosen).size == 0
    for samples in chosen:
        retrained = loo.retrained_effects(regression, optimum, digits[1], samples)
        r, slope = loo.agreement(influence.removal_effect[samples], retrained)
        assert r > 0.99
        assert slope == pytest.approx(1, abs=0.1)
    assert regression.relative_residual(optimum, influence.solution, digits[1]) < 1e-4


def test_summed_influence_ranks_random_halves_as_retraining_does(regression, optimum, influence, digits):
    left_out = lds.random_halves(SAMPLES, 24, np.random.default_rng(0))
    assert (left_out.sum(1) == SAMPLES // 2).all()
    optima = [regression.optimum(row, start=optimum) for row in left_out]
    retrained = np.array([[loo.loss_sum(weights, *digits[1])] for weights in optima])
    predicted = left_out @ influence.removal_effect[:, None]
    low, high = lds.interval(predicted, retrained, draws=200)
    assert low < spearmanr(predicted[:, 0], retrained[:, 0]).statistic == lds.score(predicted, retrained) < high
    assert low > 0


def test_intervals_are_scipys():
    rng = np.random.default_rng(0)
    predicted = rng.normal(size=(80, 1))
    retrained = predicted + rng.normal(size=(80, 1))

    def correlation(a, b):
        return spearmanr(a, b).statistic

    pairs = (predicted[:, 0], retrained[:, 0])
    expected = bootstrap(
        pairs, correlation, n_resamples=2000, paired=True, vectorized=False, method="percentile", rng=1
    ).confidence_interval
    low, high = lds.interval(predicted, retrained, draws=2000)
    # Both are drawn: what is compared is known to about a twentieth of the interval's width.
    np.testing.assert_allclose([low, high], expected, atol=0.06 * (high - low))


def test_wrong_labels_are_found(digits):
    (x, right), validation = digits
    y, wrong = mislabelled(right, 0.1, 10, "symmetric", np.random.default_rng(0))
    assert wrong.sum() == SAMPLES // 10
    assert ((y != right) == wrong).all()
    regression = loo.SoftmaxRegression(x, y, 10, l2=0.001)
    optimum = regression.optimum()
    scores = influence_of(regression, optimum, validation).scores
    own = self_influence(
        loo.keras_model(regression, optimum), (x, y), draws=6, steps=12, batch_size=SAMPLES, damping=1e-3, verbose=0
    ).scores
    for ranking in (scores, own):
        assert roc_auc_score(wrong, ranking) > 0.9
        assert found_share(ranking, wrong) > 0.6


def test_totals_are_over_all_samples_and_each_class():
    losses = np.arange(24.0).reshape(2, 2, 6)
    found = lds.totals(losses, np.array([1, 0, 1, 1, 0, 1]))
    np.testing.assert_array_equal(found[0, 1], [6 + 7 + 8 + 9 + 10 + 11, 7 + 10, 6 + 8 + 9 + 11])
    assert found.shape == (2, 2, 3)


def test_reliability_is_that_of_a_mean_over_noisy_retrainings():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(20000, 1))
    noisy = signal + 2 * rng.normal(size=(20000, 3))
    again = signal + 2 * rng.normal(size=(20000, 3))
    assert lds.reliability(noisy) == pytest.approx(np.corrcoef(noisy.mean(1), again.mean(1))[0, 1], abs=0.02)


def test_a_part_run_alone_leaves_the_other_sections(tmp_path):
    path = tmp_path / "report.md"
    headings = [part.HEADING for part in (loo, lds, labels)]
    for heading, text in ((labels.HEADING, "old"), (loo.HEADING, "first"), (labels.HEADING, "new")):
        pages.put_section(path, "# Title\n", headings, f"{heading}\n\n{text}\n")
    assert path.read_text() == f"# Title\n\n{loo.HEADING}\n\nfirst\n\n{labels.HEADING}\n\nnew\n"
