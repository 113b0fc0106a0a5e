"""The list of dropped samples: what is written is read again, and what a human got wrong is said with its line."""

import csv

import numpy as np
import pytest

from tfdrop.data import load_image_set
from tfdrop.errors import UserError
from tfdrop.tasks.classification.data import read_data
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.drop_list import read_drop_list, write_drop_list

NAMES = np.array(["a/1.png", "a/2, second.png", 'b/"3".png', "b/4.png", "ü/5.png"])
INFLUENCE = np.array([0.5, 3.0, -1.0, 2.0, np.nan])
DROPPED_AFTER = np.array([0, 2, 0, 1, 0])


@pytest.fixture
def path(tmp_path):
    columns = {"file": NAMES, "index": np.arange(10, 15), "probability": np.linspace(0, 1, 5)}
    write_drop_list(tmp_path / "dropped.csv", columns, INFLUENCE, DROPPED_AFTER, "influence")
    return tmp_path / "dropped.csv"


def test_worst_first(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [NAMES[place] for place in (3, 1, 0, 2, 4)]
    assert [row["after_round"] for row in rows] == ["1", "2", "", "", ""]
    assert [row["decision"] for row in rows] == ["dropped"] * 2 + ["kept"] * 3
    assert [float(row["influence"]) for row in rows[:4]] == [2.0, 3.0, 0.5, -1.0]
    assert [row["probability"] for row in rows[:2]] == ["0.75", "0.25"]


@pytest.mark.parametrize("names", [{"file": NAMES}, {"index": range(10, 15)}, {"file": NAMES, "index": range(5)}])
def test_is_read_as_it_was_written(path, names):
    np.testing.assert_array_equal(read_drop_list(path, names), DROPPED_AFTER > 0)


def test_edited_by_hand(path):
    text = path.read_text(encoding="utf-8")
    path.write_text(
        "\ufeff" + text.replace("2,dropped,1", "2, kept ,1").replace("-1,kept", "-1,dropped"), encoding="utf-8"
    )
    np.testing.assert_array_equal(read_drop_list(path, {"file": NAMES}), [False, True, True, False, False])
    path.write_text("file\nb/4.png\n\na/1.png\n")  # without decisions all are dropped
    np.testing.assert_array_equal(read_drop_list(path, {"file": NAMES}), [True, False, False, True, False])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,decision\na/1.png,dropped\nc/9.png,dropped\n", "line 3: no training sample with the file 'c/9.png'"),
        ("file,decision\na/1.png,perhaps\n", "line 2: expected kept or dropped as decision. Received: perhaps"),
        ("name\na/1.png\n", "expected a column file. Received: name"),
        ("", "expected a column file. Received: no columns"),
        ("file\n" + 200000 * "x", "field larger than field limit .131072."),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, message):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(ValueError, match=f"^{message}$"):
        read_drop_list(tmp_path / "list.csv", {"file": NAMES})


def listed(tmp_path, indices, **more):
    path = tmp_path / "list.csv"
    path.write_text("index\n" + "".join(f"{index}\n" for index in indices))
    return read_data(ClassifySettings(drop_list=str(path), **more))


def test_a_run_leaves_its_list_out(tmp_path):
    whole = read_data(ClassifySettings())
    places = np.random.default_rng(0).permutation(len(whole.samples))[:20]
    found = listed(tmp_path, whole.samples[places])
    np.testing.assert_array_equal(found.samples, np.delete(whole.samples, places))
    digits = load_image_set("digits").train
    for part, expected in zip(found.train, digits, strict=True):
        np.testing.assert_array_equal(part, expected[found.samples])
    np.testing.assert_array_equal(found.validation[0], whole.validation[0])
    assert found.fingerprint() != whole.fingerprint()


def test_lists_that_cannot_be_left_out(tmp_path):
    whole = read_data(ClassifySettings())
    outside = np.setdiff1d(np.arange(len(load_image_set("digits").train[1])), whole.samples)[0]
    with pytest.raises(UserError, match=f"--drop_list=.*line 2: no training sample with the index '{outside}'"):
        listed(tmp_path, [outside])
    of_class_3 = whole.samples[whole.train[1] == 3]
    with pytest.raises(
        UserError, match=r"--drop_list=.*expected at least one image of each class. Received: none of '3'"
    ):
        listed(tmp_path, of_class_3)
    with pytest.raises(UserError, match=r"--drop_list=nowhere\.csv: .*No such file"):
        read_data(ClassifySettings(drop_list="nowhere.csv"))
