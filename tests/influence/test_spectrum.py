import numpy as np
import pytest

from tfdrop.influence.solvers.spectrum import krylov, lanczos


def symmetric(eigenvalues, seed=0):
    size = len(eigenvalues)
    basis = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]
    return (basis * eigenvalues @ basis.T).astype("float32")


def test_extremal_eigenvalues_within_their_errors():
    matrix = symmetric(np.concatenate([[-3.0, 40.0], np.random.default_rng(1).uniform(0, 5, 98)]))
    spectrum = lanczos(lambda v: matrix @ np.asarray(v), 100, steps=25)
    exact = np.linalg.eigvalsh(matrix.astype("float64"))
    assert spectrum.largest == pytest.approx(exact[-1], abs=spectrum.largest_error + 1e-3)
    assert spectrum.smallest == pytest.approx(exact[0], abs=spectrum.smallest_error + 1e-3)
    assert spectrum.largest_error < 0.01
    assert spectrum.smallest_error < 0.1


def test_stops_when_it_has_seen_everything():
    matrix = symmetric([2.0, 2.0, 2.0, 7.0])
    calls = []

    def product(vector):
        calls.append(1)
        return matrix @ np.asarray(vector)

    spectrum = lanczos(product, 4, steps=50)
    assert len(calls) <= 3
    assert (spectrum.smallest, spectrum.largest) == pytest.approx((2, 7), abs=1e-4)


def test_a_space_that_has_grown_still_gives_the_smaller_one():
    matrix = symmetric(np.random.default_rng(2).uniform(-1, 5, 40))
    first, begun = np.ones(40, "float32"), ([], [], [])
    spaces = [krylov(lambda v: matrix @ np.asarray(v), first, steps, begun=begun) for steps in (5, 12, 5)]
    fresh = krylov(lambda v: matrix @ np.asarray(v), first, 12)
    assert spaces[0].spectrum() == spaces[2].spectrum()
    assert [len(space.basis) for space in spaces] == [5, 12, 5]
    np.testing.assert_array_equal(spaces[1].tridiagonal, fresh.tridiagonal)


def test_a_space_goes_on_after_an_interruption():
    matrix, begun, calls = symmetric(np.arange(1.0, 21.0)), ([], [], []), []

    def product(vector):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return matrix @ np.asarray(vector)

    first = np.ones(20, "float32")
    with pytest.raises(KeyboardInterrupt):
        krylov(product, first, 8, begun=begun)
    found = krylov(product, first, 8, begun=begun)
    np.testing.assert_array_equal(found.tridiagonal, krylov(lambda v: matrix @ np.asarray(v), first, 8).tridiagonal)
