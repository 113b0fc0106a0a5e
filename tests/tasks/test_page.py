"""The page about runs: its numbers are the runs', and a browser shows it without a network and without overflow."""

import base64
import io
import json
import shlex
import shutil

import numpy as np
import PIL.Image
import pytest
from browser import browser_page, browser_program
from html_tables import Page
from run_folders import DROPPED, classification_folder, settings_of
from scipy import stats

from tfdrop.overlap import overlap
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.page import write_page
from tfdrop.tasks.run_folder import RunFolder

ERRORS = {"round 1": [7.0, 7.4, 7.1], "round 2": [6.0, 6.1, 6.2], "random drop": [6.1, 6.0, 6.3]}
ONE = {"round 1": [20.0], "round 2": [10.0], "random drop": [15.0]}


@pytest.fixture(scope="module")
def three_seeds(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "three"
    scores, data = classification_folder(path, ERRORS)
    write_page(path / "report.html", [RunFolder(path)])
    return path, scores, data


@pytest.fixture(scope="module")
def one_seed(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "one"
    scores, data = classification_folder(path, ONE, draw=1, drop="none")
    write_page(path / "report.html", [RunFolder(path, data)])
    return path, scores, data


@pytest.fixture(scope="module")
def side_by_side(three_seeds, one_seed, tmp_path_factory):
    path = tmp_path_factory.mktemp("both")
    write_page(path / "report.html", [RunFolder(three_seeds[0]), RunFolder(one_seed[0])])
    return path


def read(path):
    return Page((path / "report.html").read_text())


def interval(values):
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):.2f} [{np.mean(values) - half:.2f}, {np.mean(values) + half:.2f}]"


def test_errors_are_means_with_their_intervals(three_seeds):
    tables = read(three_seeds[0]).tables
    header, *rows = tables["Test error (%), mean of 3 seeds with its 95 % interval"]
    assert header == ["training", "images", "last epoch", "best epoch", "at"]
    assert [row[0] for row in rows] == list(ERRORS)
    assert [row[2] for row in rows] == [interval(values) for values in ERRORS.values()]
    assert [row[1] for row in rows] == ["120", "110", "110"]
    [name] = [name for name in tables if name.startswith("Round 2 beside its controls")]
    _, full, random = tables[name]
    assert full[0] == "minus round 1"
    assert full[2] == "helps"
    assert random[2] == "cannot be told from chance"
    differences = np.subtract(ERRORS["round 2"], ERRORS["round 1"])
    assert full[1].split()[0] == f"{differences.mean():+.2f}"


def test_one_seed_has_the_interval_of_a_share_and_claims_nothing(one_seed):
    path, _, data = one_seed
    page = read(path)
    [row] = [row for row in page.tables["Test error (%)"] if row[0] == "round 2"]
    images = len(data.test[1])
    low, high = stats.binomtest(round(0.1 * images), images).proportion_ci(method="wilson")
    assert row[2] == f"10.00 [{100 * low:.2f}, {100 * high:.2f}]"
    assert "That is one seed, which tells no difference from chance." in page.text
    assert "helps" not in page.text.replace("helps most", "")


def test_the_three_sentences(three_seeds):
    text = " ".join(read(three_seeds[0]).text.split())
    assert f"and {DROPPED} were dropped in the mean of 3 seeds" in text
    assert (
        "The test error of round 2 is 6.10 %, beside 7.17 % of round 1 and 6.13 % with random images dropped." in text
    )
    assert "Over 3 seeds, beside round 1 it helps and beside random drop it cannot be told from chance." in text


def test_the_figures_of_the_solve_and_its_cost(one_seed):
    path, scores, _ = one_seed
    tables = read(path).tables
    figures = dict(tables["Round 1"])
    unfavorable = int((scores > 0).sum())
    assert figures["Unfavorable (influence above 0)"] == f"{unfavorable} ({unfavorable / 120:.1%})"
    assert figures["Dropped"] == "10 (8.3%)"
    assert (figures["Damping"], figures["Scale"]) == ("0.125", "7.5")
    assert figures["Relative residual"] == "0.0625, not converged"
    assert dict(tables["What it cost"][1:])["in all"] == "2.2 min"
    assert dict(tables["Environment"])["Time since its last start"] == "3.3 min"
    assert "Machine" in dict(tables["Environment"])


def samples_table(page):
    [(name, rows)] = [(name, rows) for name, rows in page.tables.items() if "training images" in name]
    return name, rows[0], rows[1:]


def test_the_table_of_samples_is_that_of_the_run(one_seed):
    path, scores, data = one_seed
    name, header, rows = samples_table(read(path))
    assert header == ["picture", "sample", "class", "taken for", "probability", "influence", "decision"]
    assert name == "120 of 120 training images"
    assert [float(row[5]) for row in rows] == pytest.approx(np.sort(scores)[::-1], rel=1e-3)
    worst = int(np.argmax(scores))
    names = data.samples if data.files is None else data.files
    assert rows[0][1:3] == [str(names[worst]), data.classes[data.train[1][worst]]]
    assert [row[6] for row in rows] == ["dropped after round 1"] * DROPPED + ["kept"] * (120 - DROPPED)


def test_pictures_are_those_of_the_samples_and_all_have_a_text(one_seed):
    path, scores, data = one_seed
    page = read(path)
    assert all(image["src"].startswith("data:image/") for image in page.images)
    gallery = [image for image in page.images if image.get("alt", "").startswith("Training image")]
    charts = [image for image in page.images if image["alt"] and image not in gallery]
    assert len(charts) == 4  # two curves, the histogram, the classes
    assert f"{int((scores > 0).sum())} above 0, {DROPPED} dropped" in charts[2]["alt"]
    content = base64.b64decode(gallery[0]["src"].partition(",")[2])
    with PIL.Image.open(io.BytesIO(content)) as image:
        np.testing.assert_array_equal(np.asarray(image), data.train[0][np.argmax(scores), ..., 0])


def test_the_command_makes_the_same_settings(three_seeds, one_seed):
    for path, *_ in (three_seeds, one_seed):
        program = shlex.split(RunFolder(path).command)
        assert program[:3] == ["python", "-m", "train.classify"]
        given = dict(word.removeprefix("--").split("=", 1) for word in program[3:])
        assert not {"rate", "placement", "workdir"} & given.keys()
        defaults = vars(ClassifySettings())
        differing = {name: value for name, value in settings_of(path).items() if value != defaults[name]}
        usual = {"rate", "top_rate", "placement", "pool_size", "pool_strides", "workdir"}
        assert given.keys() == differing.keys() - usual
        assert given["validation_samples"] == "40"


def test_without_the_images_the_page_says_why(one_seed, tmp_path):
    path, *_ = one_seed
    settings = json.loads((path / "settings.json").read_text())
    for file in path.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    settings["inputs"]["images"] = "0" * 16
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    write_page(tmp_path / "report.html", [RunFolder(tmp_path)])
    page = read(tmp_path)
    assert "its images are other ones now" in page.text
    assert len(samples_table(page)[2]) == 120
    assert not [image for image in page.images if image.get("alt", "").startswith("Training image")]


def test_names_cannot_break_out_of_the_page(one_seed, tmp_path):
    path = tmp_path / "<script>alert(1)<"
    shutil.copytree(one_seed[0], path)
    write_page(tmp_path / "report.html", [RunFolder(path)])
    html = (tmp_path / "report.html").read_text()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;" in html


def test_runs_side_by_side(three_seeds, one_seed, side_by_side):
    (_, one, _), (_, other, _) = three_seeds, one_seed
    tables = read(side_by_side).tables
    header, *rows = tables["Test error (%), with the 95 % interval where there are several seeds"]
    assert header == ["run", *ERRORS, "seeds"]
    assert rows[0] == ["three", *(interval(values) for values in ERRORS.values()), "3"]
    assert rows[1] == ["one", "20.00", "10.00", "15.00", "1"]
    settings = {row[0]: row[1:] for row in tables["Settings that differ"]}
    assert settings["drop"] == ["select_scale", "none"]
    assert "epochs" not in settings
    found = overlap(one > 0, other > 0)
    [name] = [name for name in tables if name.startswith("Unfavorable samples that networks share")]
    expected = [str(found.sizes[0]), str(found.sizes[1]), str(found.shared)]
    assert tables[name][1] == ["three and one", *expected, f"{found.expected:.1f} [{found.low}, {found.high}]"]


@pytest.fixture(scope="module")
def tab():
    if browser_program() is None:
        pytest.skip("there is no Chromium to open the page in")
    with browser_page() as page:
        yield page


def column(tab, number):
    rows = "[...document.querySelectorAll('.sortable tbody tr')].filter((row) => !row.hidden)"
    return tab.value(f"{rows}.map((row) => row.cells[{number}].dataset.value)")


def test_a_browser_shows_it_without_errors_and_asks_no_network(tab, one_seed, tmp_path):
    path = one_seed[0] / "report.html"
    tab.open(path)
    assert tab.value("[...document.images].every((image) => image.naturalWidth > 0 && image.hasAttribute('alt'))")
    assert tab.value("document.title") == "Classification: one"
    assert tab.errors == []
    assert set(tab.requests) == {path.resolve().as_uri()}
    # The check would notice: the page's own policy refuses what comes from elsewhere, and says so.
    foreign = tmp_path / "foreign.html"
    foreign.write_text(path.read_text().replace("</main>", "<img src='http://localhost:9/a.png' alt=''></main>"))
    tab.open(foreign)
    assert any("Content Security Policy" in error for error in tab.errors)
    tab.errors.clear()


def test_the_table_sorts_and_filters(tab, one_seed):
    path, scores, data = one_seed
    tab.open(path / "report.html")
    press = "document.querySelectorAll('.sortable th button')[{}].click()"
    sort = "document.querySelectorAll('.sortable th')[5].getAttribute('aria-sort')"
    tab.value(press.format(4))
    found = [float(value) for value in column(tab, 5)]
    assert found == sorted(found, reverse=True)
    assert tab.value(sort) == "descending"
    tab.value(press.format(4))
    found = [float(value) for value in column(tab, 5)]
    assert found == pytest.approx(np.sort(scores))
    assert tab.value(sort) == "ascending"
    tab.value(press.format(3))
    probabilities = [float(value) for value in column(tab, 4)]
    assert probabilities == sorted(probabilities, reverse=True)
    assert tab.value(sort) is None
    change = "select.value = '{}'; select.dispatchEvent(new Event('change')); {}"
    tab.value("select = document.querySelector('select'); " + change.format(data.classes[3], ""))
    count = int((data.train[1] == 3).sum())
    assert column(tab, 2) == [data.classes[3]] * count
    assert tab.value("document.querySelector('output').textContent") == f"{count} of 120 rows"
    tab.value(change.format("", ""))
    assert len(column(tab, 2)) == 120


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_overflow_in_light_and_dark(tab, side_by_side, tmp_path, scheme):
    tab.open(side_by_side / "report.html", width=400, scheme=scheme)
    assert tab.value("[document.documentElement.scrollWidth, innerWidth]") == [400, 400]
    # What is wider has a region of its own to scroll in.
    wider = """[...document.body.querySelectorAll('*')].filter((each) => !each.closest('.scroll, .wide')
        && each.getBoundingClientRect().right > innerWidth).map((each) => each.outerHTML.slice(0, 80))"""
    assert tab.value(wider) == []
    tab.screenshot(tmp_path / "page.png")
    with PIL.Image.open(tmp_path / "page.png") as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.shape[1] == 400
    assert (pixels[:200].mean() < 100) == (scheme == "dark")
    assert tab.errors == []


def test_in_print_nothing_is_cut_off(tab, one_seed):
    tab.open(one_seed[0] / "report.html", width=700, scheme="dark", media="print")
    style = "getComputedStyle(document.querySelector('{}')).{}"
    assert tab.value(style.format("nav", "display")) == "none"
    assert tab.value(style.format("body", "backgroundColor")) == "rgb(255, 255, 255)"
    table = "document.querySelector('.tall')"
    assert tab.value(f"{table}.scrollHeight <= {table}.clientHeight + 1")


def test_a_ranking_that_is_no_influence_is_called_by_its_name(tmp_path):
    scores, data = classification_folder(tmp_path, ONE, rank_by="aum")
    write_page(tmp_path / "report.html", [RunFolder(tmp_path, data)])
    text, page = (tmp_path / "report.html").read_text(), read(tmp_path)
    assert "10 were dropped, the worst by the area under the margin" in text
    assert "unfavorable" not in text
    assert "influence above 0" not in text
    [samples] = [rows for name, rows in page.tables.items() if "training images" in name]
    column = samples[0].index("aum")
    assert float(samples[1][column]) == pytest.approx(scores.max(), rel=1e-3)


def test_seeds_whose_trials_chose_different_rankings_are_told_of_together(tmp_path):
    errors = {name: [*values, values[0] + 0.5] for name, values in ONE.items()}
    _, data = classification_folder(tmp_path, errors, max_drop="auto", rank_by="influence")
    result = json.loads((tmp_path / "result.json").read_text())
    result["runs"][1]["influence"][0] |= {"rank_by": "el2n"}
    (tmp_path / "result.json").write_text(json.dumps(result))
    run = RunFolder(tmp_path, data)
    write_page(tmp_path / "report.html", [run])
    text = (tmp_path / "report.html").read_text()
    assert "10 were dropped in the mean of 2 seeds, the worst by EL2N or influence" in text
    # The ranking is said where the trials would have chosen one.
    assert "--max_drop=auto" in run.command
    assert "--rank_by=influence" in run.command
