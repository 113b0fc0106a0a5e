import numpy as np
import pytest
from scipy import stats

from tfdrop.tasks.classification.report import classification_report

RUNS = ((0, 6), (1, 7))


def training(name, images, last, best, epoch):
    last, best = ({"epoch": at, "test_error": error} for at, error in ((9, last), (epoch, best)))
    return {"name": name, "images": images, "last": last, "best": best}


def run(seed, errors):
    found = {"round": 1, "images": 100, "unfavorable": 41, "dropped": 3, "curvature": "hessian", "damping": 0.5}
    found |= {"smallest_eigenvalue": -0.1, "largest_eigenvalue": 9.0, "residual": 0.01, "converged": True}
    trainings = [training(name, images, *error) for (name, images), error in errors.items()]
    return {"seed": seed, "trainings": trainings, "influence": [found], "while_dropping": []}


def result(*runs, **more):
    return {"rounds": 2, "runs": list(runs), **more}


def test_one_seed():
    errors = {("round 1", 100): (7.5, 7.25, 4), ("round 2", 97): (6.5, 6.0, 8), ("random drop", 97): (8, 8, 9)}
    lines = classification_report(result(run(5, errors))).splitlines()
    assert lines[0] == "Round 1: of 100 images 41 are unfavorable (influence > 0), 3 dropped."
    rows = {line[:14].strip(): line[14:].split() for line in lines}
    assert rows["round 2"] == ["97", "6.50", "6.00", "8"]
    assert rows["random drop"] == ["97", "8.00", "8.00", "9"]
    assert any("round 1 is also the control on the full set" in line for line in lines)


def test_where_the_dropped_images_come_from():
    one = run(5, {("round 1", 100): (7.5, 7.25, 4)})
    [found] = one["influence"]
    found["dropped_by_class"] = [[f"class {number}", 9 - number, 20] for number in range(7)]
    lines = classification_report(result(one)).splitlines()
    listed = ", ".join(f"class {number} ({9 - number} of 20)" for number in range(5))
    assert lines[2] == f"  By class: {listed}, and from 2 more."


@pytest.mark.parametrize(("cap", "said"), [(3, "Chosen: 3"), (0, "No evidence that any number helps")])
def test_how_many_to_drop_and_why(cap, said):
    one = run(5, {("round 1", 100): (7.5, 7.25, 4)})
    values = [[0.5, 0.25], [0.25, 0.125]]
    one["choice"] = {"dropped": [0, 3], "held_out": values, "standard_error": 0.01, "cap": cap, "images": 40}
    lines = classification_report(result(one)).splitlines()
    assert "Brier score on 40 validation images that no score comes from, mean of 2 trainings" in lines[2]
    assert lines[3:5] == ["  none: 0.3750", "  3: 0.1875, -0.1875"]
    assert said in lines[5]
    one["choice"] |= {"measure": "error", "held_out": [[10.0, 11.0], [9.0, 9.5]], "least_gain": 0.5}
    lines = classification_report(result(one)).splitlines()
    assert "error, %, on 40 validation images that no score comes from, mean of 2 trainings" in lines[2]
    assert lines[2].endswith("standard error of a difference 0.01, beyond chance from 0.50 on")
    assert lines[3:5] == ["  none: 10.50", "  3: 9.25, -1.25"]


def test_means_and_deviations_of_seeds_beside_the_paper():
    first, second = (run(seed, {("round 1", 100): (7, 7, 4), ("round 2", 97): (error, 6, 8)}) for seed, error in RUNS)
    recipe = {"name": "a", "source": "Table I", "paper": {"accuracy": 91.5}, "text": "accuracy 91.50 %"}
    recipe["overridden"] = ["--epochs=9"]
    text = classification_report(result(first, second, recipe=recipe))
    [row] = [line for line in text.splitlines() if line.startswith("round 2")]
    assert f"{np.mean([6, 7]):.2f} ± {np.std([6, 7], ddof=1):.2f}" in row
    assert row.endswith(" 8.50")
    assert "Seed 1, round 1:" in text
    assert "Means and standard deviations of 2 seeds." in text
    assert "Paper, Table I: accuracy 91.50 %." in text
    assert "--epochs=9" in text


def test_the_last_round_beside_its_controls():
    errors = np.array([[7.0, 6.0, 6.5], [7.5, 6.25, 6.0], [7.25, 6.25, 6.5]])
    names = (("round 1", 100), ("round 2", 97), ("random drop", 97))

    def lines(rows):
        runs = [
            run(seed, {name: (e, e, 4) for name, e in zip(names, row, strict=True)}) for seed, row in enumerate(rows)
        ]
        return classification_report(result(*runs)).splitlines()

    text = lines(errors)
    start = next(number for number, line in enumerate(text) if line.startswith("Round 2 beside its controls"))
    for line, column, verdict in zip(text[start + 1 :], (0, 2), ("helps", "cannot be told from chance"), strict=False):
        low, high = stats.ttest_rel(errors[:, 1], errors[:, column]).confidence_interval(0.95)
        mean = np.mean(errors[:, 1] - errors[:, column])
        assert line == f"  minus {names[column][0]}: {mean:+.2f} [{low:+.2f}, {high:+.2f}]: {verdict}"
    one = lines(errors[:1])
    assert "  minus random drop: -0.50: cannot be told from chance" in one
    assert "One seed tells no difference from chance: --seeds=5 gives intervals." in one
    assert "The best epoch is chosen on the test set, as in FocusedDropout's paper." in one


def test_errors_while_dropping():
    one, two = (run(seed, {("round 1", 100): (7, 7, 4)}) for seed in (0, 1))
    one["while_dropping"] = [{"rate": 0.1, "test_error": 20.0}, {"rate": 0.2, "test_error": 50.0}]
    two["while_dropping"] = [{"rate": 0.1, "test_error": 22.0}, {"rate": 0.2, "test_error": 50.0}]
    text = classification_report(result(one, two))
    assert "  rate 0.1: 21.00 ± 1.41 %" in text
    assert "  rate 0.2: 50.00 ± 0.00 %" in text
