import numpy as np
import pytest

from tfdrop.data.samples import batch_count, batches, count, select


def test_structures_are_counted_selected_and_cut_into_batches():
    x = {"a": np.arange(5), "b": (np.arange(10).reshape(5, 2),)}
    data = (x, np.arange(5) * 10)
    assert count(data) == 5
    chosen, y = select(data, np.array([4, 0]))
    assert chosen["a"].tolist() == [4, 0]
    assert chosen["b"][0].tolist() == [[8, 9], [0, 1]]
    assert y.tolist() == [40, 0]
    assert [y.tolist() for _, y in batches(data, 2)] == [[0, 10], [20, 30], [40]]
    assert batch_count(data, 2) == 3


def test_batches_pass_through():
    ready = [(np.zeros((1, 3)), np.zeros(1)), (np.zeros((1, 4)), np.zeros(1))]
    assert list(batches(ready, 64)) == ready
    assert batch_count(ready, 64) == 2
    assert batch_count(iter(ready), 64) is None


@pytest.mark.parametrize("bad", [(np.zeros(3), np.zeros(4)), (np.zeros(0), np.zeros(0))])
def test_lengths_that_do_not_fit(bad):
    with pytest.raises(ValueError, match="same number of samples"):
        count(bad)


def test_what_is_no_arrays_is_named_with_its_argument():
    with pytest.raises(
        TypeError, match=r"argument `validation`. Expected a tuple \(x, y\) of arrays. Received: <class"
    ):
        count(None, "validation")
    with pytest.raises(
        ValueError, match=r"argument `train`. Expected a tuple .*Received: values that are not arrays: int"
    ):
        count((np.zeros(2), [1, 2]), "train")
