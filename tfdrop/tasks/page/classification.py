"""The sections of a page about a classification run."""

import numpy as np

from tfdrop.tasks.arm import round_name
from tfdrop.tasks.classification.held_out import measured
from tfdrop.tasks.classification.report import paper_error
from tfdrop.tasks.comparison_lines import meaning_lines
from tfdrop.tasks.page.influence import first_round_sentence, influence_section
from tfdrop.tasks.page.numbers import count_text, mean_text, share_interval
from tfdrop.tasks.page.parts import Section, Table
from tfdrop.tasks.page.samples import samples_section, scored_samples
from tfdrop.tasks.page.trainings import choice_table, curves_pictures, differences_table, verdict_sentence
from tfdrop.tasks.run_folder import RunFolder

CURVES = {"test_error": "test error (%)", "loss": "training loss"}


def found_sentences(run: RunFolder) -> list[str]:
    """Returns what was found, in three sentences at most."""
    sentences = first_round_sentence([each for seed in run.seeds for each in seed.result["influence"]], "images")
    errors, rounds = error_rates(run), run.result["rounds"]
    last = round_name(rounds)
    others = [f"{np.mean(values):.2f} % {_of(name)}" for name, values in errors.items() if name != last]
    beside = f", beside {_joined(others)}" if others else ""
    sentences.append(f"The test error of {last} is {np.mean(errors[last]):.2f} %{beside}.")
    return [*sentences, *verdict_sentence(errors, rounds, lower_is_better=True)]


def _of(name):
    return {"full set": "on the full set", "random drop": "with random images dropped"}.get(name, f"of {name}")


def _joined(texts):
    return f"{', '.join(texts[:-1])} and {texts[-1]}" if len(texts) > 1 else texts[0]


def error_rates(run: RunFolder, when: str = "last", key: str = "test_error") -> dict[str, list[float]]:
    """Returns the test errors of each training in percent, seed by seed."""
    errors: dict[str, list[float]] = {}
    for seed in run.seeds:
        for training in seed.result["trainings"]:
            errors.setdefault(training["name"], []).append(training[when][key])
    return errors


def sections(run: RunFolder) -> list[Section]:
    """Returns the sections of the page, but for what all pages have."""
    names, first = list(error_rates(run)), run.seeds[0]
    rounds = run.result["rounds"]
    tables = [_errors_table(run, names)]
    tables += differences_table(error_rates(run), rounds, "test error, percentage points", 2, lower_is_better=True)
    tables += [_dropping_table(run)] if first.result["while_dropping"] else []
    if "choice" in first.result:
        choice = first.result["choice"]
        what, digits = measured(choice)
        tables.append(choice_table(choice, f"How many to drop: {what}", digits))
    paper = _paper_lines(run.result.get("recipe"))
    made = [Section("Test errors", paper, tables, curves_pictures(run.seeds, names, CURVES))]
    samples = scored_samples(run, first)
    scored = [(round_name(each["round"]), each) for each in first.result["influence"]]
    if scored:
        made.append(influence_section(scored, first.result.get("seconds", {}), samples))
    if samples is not None:
        made.append(samples_section(samples))
    return made


def _errors_table(run, names):
    top5 = "test_top5_error" in run.seeds[0].result["trainings"][0]["last"]
    header = ["training", "images", "last epoch", *["top-5"] * top5, "best epoch", "at"]
    images = [
        [training["images"] for seed in run.seeds for training in seed.result["trainings"] if training["name"] == name]
        for name in names
    ]
    last, top = error_rates(run), error_rates(run, key="test_top5_error") if top5 else {}
    best, at = error_rates(run, "best"), error_rates(run, "best", "epoch")
    rows = []
    for name, counts in zip(names, images, strict=True):
        errors = [_error_text(run, last[name]), *([mean_text(top[name], 2)] if top5 else []), mean_text(best[name], 2)]
        rows.append([name, count_text(np.mean(counts)), *errors, f"{np.mean(at[name]):.0f}"])
    if (paper := paper_error(run.result)) is not None:
        header.append("paper")
        rows = [[*row, paper if row[0] == round_name(run.result["rounds"]) else ""] for row in rows]
    notes = meaning_lines(names, run.result["rounds"], "images")[1:]
    seeds = len(run.seeds)
    caption = f"Test error (%), mean of {seeds} seeds with its 95 % interval" if seeds > 1 else "Test error (%)"
    if seeds == 1 and "[" in rows[0][2]:
        notes.append("In brackets: the 95 % interval (Wilson's) of what other test images would change.")
    notes.append("The best epoch is chosen on the test images, as in FocusedDropout's paper.")
    return Table(caption, header, rows, notes)


def _error_text(run, errors):
    """Returns a test error with the interval over the seeds or, of one seed, over test images."""
    if len(errors) > 1:
        return mean_text(errors, 2)
    try:
        low, high = share_interval(errors[0], len(run.data(run.seeds[0].seed).test[1]))
    except (ValueError, OSError):  # the images are gone
        return mean_text(errors, 2)
    return f"{errors[0]:.2f} [{low:.2f}, {high:.2f}]"


def _dropping_table(run):
    runs = [seed.result["while_dropping"] for seed in run.seeds]
    rows = [
        [f"{same[0]['rate']:g}", mean_text([each["test_error"] for each in same], 2)]
        for same in zip(*runs, strict=True)
    ]
    caption = f"The last network tested with {run.settings.test_drop} at work: test error (%)"
    return Table(caption, ["rate", "test error"], rows)


def _paper_lines(recipe):
    if not recipe:
        return []
    lines = [f"Recipe {recipe['name']}. The paper, {recipe['source']}: {recipe['text']}."]
    if recipe["overridden"]:
        lines.append(f"The paper's number is for other settings than these: {' '.join(recipe['overridden'])}")
    return lines
