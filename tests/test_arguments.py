import numpy as np
import pytest

from tfdrop.arguments import check_choice, check_flag, check_share, check_whole, invalid, nearest, wrong_type


def test_errors_are_worded_as_keras_words_them():
    error = invalid("rate", "a float in [0, 1]", "2")
    assert type(error) is ValueError
    assert str(error) == "Invalid value received for argument `rate`. Expected a float in [0, 1]. Received: rate='2'"
    error = wrong_type("data", "a tuple", received="a list of 3")
    assert type(error) is TypeError
    assert str(error) == "Invalid value received for argument `data`. Expected a tuple. Received: a list of 3"


def test_nearest_names_come_best_first_and_none_where_none_is_similar():
    known = ["cifar10", "cifar100", "mnist", "svhn_cropped"]
    assert nearest("cifar100x", known) == ["cifar100", "cifar10"]
    assert nearest("zzz", known) == []
    assert len(nearest("zzz", known, similarity=0.0)) == 3
    assert nearest(7, known) == []


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (lambda: check_share("a", 1.0, below_one=True), r"a float in \[0, 1\)"),
        (lambda: check_share("a", 0, positive=True), r"a float in \(0, 1\]"),
        (lambda: check_share("a", 0.7, 0.2, 0.5), r"a float in \[0.2, 0.5\]"),
        (lambda: check_share("a", float("nan")), r"a float in \[0, 1\]"),
        (lambda: check_share("a", True), r"a float in \[0, 1\]"),
        (lambda: check_whole("a", 2.0), "an integer of at least 1"),
        (lambda: check_whole("a", True), "an integer of at least 1"),
        (lambda: check_whole("a", 2, lowest=3), "an integer of at least 3"),
        (lambda: check_choice("a", "c", ("b", "d")), "one of 'b', 'd'"),
        (lambda: check_flag("a", 1), "True or False"),
    ],
)
def test_what_is_out_of_range_is_refused(check, expected):
    with pytest.raises(ValueError, match=rf"argument `a`. Expected {expected}\. Received: a="):
        check()


def test_what_is_allowed_comes_back_as_a_plain_number():
    assert type(check_share("a", np.float32(0.5))) is float
    assert type(check_whole("a", np.int64(3))) is int
    assert check_share("a", 1) == 1.0
