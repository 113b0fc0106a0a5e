import numpy as np
import pytest
from sklearn.model_selection import StratifiedShuffleSplit

from tfdrop.data.sets.image_set import ImageSet
from tfdrop.data.sets.splits import draw_balanced, draw_stratified, hold_out_test, split_for_validation


def part(counts, seed=0):
    """A part of one-pixel images that are their sample's number, with so many samples of each class."""
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts)).astype("int32")
    return np.arange(len(labels), dtype="uint32").view("uint8").reshape(-1, 1, 1, 4), labels


def numbers(x):
    return np.ascontiguousarray(x).reshape(-1, 4).view("uint32")[:, 0]


NAMES = tuple("abcdefghij")


@pytest.mark.parametrize("classes", [10, 100])
def test_cifar_is_divided_as_in_the_papers(classes):
    train = part([50_000 // classes] * classes)
    split = split_for_validation(ImageSet(train, part([1]), NAMES), seed=3)
    assert np.bincount(split.train[1]).tolist() == [45_000 // classes] * classes
    assert np.bincount(split.validation[1]).tolist() == [5_000 // classes] * classes
    both = np.concatenate([numbers(split.train[0]), numbers(split.validation[0])])
    assert np.array_equal(np.sort(both), np.arange(50_000))
    np.testing.assert_array_equal(numbers(split.train[0]), split.samples)
    np.testing.assert_array_equal(split.train[1], train[1][split.samples])


def test_svhn_is_divided_as_in_the_data_dropout_paper():
    # The real numbers of training and extra images, by digit.
    train = part([4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659])
    extra = part([45550, 90560, 74740, 60765, 50633, 53490, 41582, 43997, 35358, 34456])
    assert (len(train[1]), len(extra[1])) == (73_257, 531_131)
    split = split_for_validation(ImageSet(train, part([1]), NAMES, extra=extra), seed=3)
    assert len(split.train[1]) == 73_257 + 531_131 - 6_000
    assert np.bincount(split.validation[1]).tolist() == [600] * 10
    assert np.bincount(split.validation[1][:4000]).tolist() == [400] * 10
    labels = np.concatenate([train[1], extra[1]])
    np.testing.assert_array_equal(split.train[1], labels[split.samples])
    np.testing.assert_array_equal(
        numbers(split.train[0]), np.where(split.samples < 73_257, split.samples, split.samples - 73_257)
    )
    assert len(np.unique(split.samples)) == len(split.samples)


@pytest.mark.parametrize("trial", range(20))
def test_a_stratified_draw_takes_every_class_share(trial):
    rng = np.random.default_rng(trial)
    labels = rng.permutation(np.repeat(np.arange(7), rng.integers(0, 40, 7)))
    samples = int(rng.integers(1, len(labels) + 1))
    drawn = draw_stratified(labels, samples, seed=trial)
    assert len(np.unique(drawn)) == samples
    assert np.array_equal(drawn, np.sort(drawn))
    exact = np.bincount(labels, minlength=7) * samples / len(labels)
    assert np.abs(np.bincount(labels[drawn], minlength=7) - exact).max() < 1


def test_every_sample_is_drawn_equally_often():
    labels = np.array([0, 1, 1, 0, 1, 1])
    counts = np.bincount(np.concatenate([draw_stratified(labels, 3, seed) for seed in range(2000)]), minlength=6)
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(2000) / 2


def test_the_seed_decides():
    data = part([50, 30])
    first, again, other = (numbers(data[0][draw_stratified(data[1], 20, seed)]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    splits = [split_for_validation(ImageSet(data, data, NAMES), seed=seed).samples for seed in (1, 2)]
    assert (splits[0] != splits[1]).any()


def test_a_validation_part_of_its_own_is_kept_unless_a_number_is_given():
    train, own = part([50, 30]), part([5, 6])
    image_set = ImageSet(train, part([1]), NAMES, validation=own)
    split = split_for_validation(image_set)
    assert split.validation is own
    assert len(split.train[1]) == len(split.samples) == 80
    assert len(split_for_validation(image_set, validation=7).validation[1]) == 7


def test_a_test_part_is_a_fifth_of_each_class():
    train, test = hold_out_test(part([50, 30]))
    assert np.bincount(train[1]).tolist() == [40, 24]
    assert np.bincount(test[1]).tolist() == [10, 6]


def test_every_class_keeps_a_sample_for_training():
    """With one image of most classes, the largest remainders alone would take some of them whole."""
    image_set = ImageSet(part([1] * 8 + [4]), part([1]), NAMES[:9])
    split = split_for_validation(image_set, 3)
    assert np.bincount(split.train[1]).tolist() == [1] * 9
    assert split.validation[1].tolist() == [8, 8, 8]
    with pytest.raises(ValueError, match="at most 3, so that every class keeps one"):
        split_for_validation(image_set, 4)
    train, test = hold_out_test(part([1] * 8 + [2]))
    assert np.bincount(train[1]).tolist() == [1] * 9
    assert test[1].tolist() == [8]
    with pytest.raises(ValueError, match="no class has a second image"):
        hold_out_test(part([1, 1, 1]))


def test_what_else_is_known_of_the_samples_is_divided_alike():
    x, y = part([50, 30])
    for x_part, y_part, numbers_of_part in hold_out_test((x, y, np.arange(80))):
        np.testing.assert_array_equal(numbers(x_part), numbers_of_part)
        np.testing.assert_array_equal(y_part, y[numbers_of_part])


@pytest.mark.parametrize("trial", range(5))
def test_a_stratified_draw_is_as_even_as_scikit_learns(trial):
    """scikit-learn breaks ties between classes at random; without ties it takes as many of each class."""
    rng = np.random.default_rng(trial)
    labels = rng.permutation(np.repeat(np.arange(5), [17, 29, 41, 53, 71]))
    samples = int(rng.integers(10, 200))
    _, theirs = next(StratifiedShuffleSplit(1, test_size=samples, random_state=0).split(labels, labels))
    ours = draw_stratified(labels, samples, seed=trial)
    assert np.bincount(labels[ours]).tolist() == np.bincount(labels[theirs]).tolist()


def test_a_balanced_draw_gives_the_remainder_to_the_first_classes():
    labels = part([9, 20, 30])[1]
    assert np.bincount(labels[draw_balanced(labels, 11, 3)]).tolist() == [4, 4, 3]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: draw_stratified(part([3, 4])[1], 8),
            "at most 7, the number of samples there are. Received: samples=8",
        ),
        (lambda: draw_stratified(part([3, 4])[1], 0), "`samples`"),
        (lambda: split_for_validation(ImageSet(part([3, 4]), None, NAMES), 7), "fewer than all 7"),
        (lambda: split_for_validation(ImageSet(part([3, 4]), None, NAMES, extra=part([2])), 7), "a pair of integers"),
        (
            lambda: split_for_validation(ImageSet(part([3, 4]), None, NAMES[:2], extra=part([2, 2])), (4, 5)),
            "at most 2 samples a class",
        ),
    ],
)
def test_too_many_samples(make, message):
    with pytest.raises(ValueError, match=message):
        make()
