"""Writing the page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from tfdrop.checkpoint import replace
from tfdrop.tasks.page import classification, denoising
from tfdrop.tasks.page.comparison import comparison_section
from tfdrop.tasks.page.numbers import seconds_text
from tfdrop.tasks.page.parts import Section, Table
from tfdrop.tasks.run_folder import RunFolder

ENVIRONMENT = {"tfdrop": "tfdrop", "backend": "Backend", "keras": "Keras", "python": "Python", "machine": "Machine"}


class RunPart(NamedTuple):
    """What a page says of one run.

    Attributes:
        name: Its name.
        kind: What kind of run it is.
        found: What was found, in sentences.
        sections: The sections.
    """

    name: str
    kind: str
    found: Sequence[str]
    sections: Sequence[Section]


def write_page(path: str | Path, runs: Sequence[RunFolder]) -> None:
    """Writes one HTML file about some runs; it needs neither a network nor other files.

    Args:
        path: The file.
        runs: The runs; several are held side by side first.
    """
    parts = [_part(run) for run in runs]
    comparison = comparison_section(runs) if len(runs) > 1 else None
    title = f"{parts[0].kind}: {parts[0].name}" if len(parts) == 1 else f"{len(parts)} runs side by side"
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tfdrop.tasks.page"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    html = environment.get_template("page.html").render(title=title, parts=parts, comparison=comparison)
    replace(path, lambda partial: partial.write_text(html, encoding="utf-8"))


def _part(run: RunFolder) -> RunPart:
    task: Any = classification if run.classifies else denoising
    sections = [*task.sections(run), _about_section(run)]
    kind = "Classification" if run.classifies else "Denoising"
    return RunPart(run.name, kind, task.found_sentences(run), sections)


def _about_section(run):
    """Returns the section that says how the run came about and how to make it again."""
    last = (run.result.get("starts") or [{}])[-1]
    about = run.result | {"machine": last.get("machine")} | last.get("versions", {})
    known = {name: about.get(name) for name in ENVIRONMENT}
    rows = [[label, str(known[name])] for name, label in ENVIRONMENT.items() if known[name] is not None]
    rows += [[label, last[name]] for name, label in (("time", "Started last"), ("commit", "Commit")) if name in last]
    if "seconds_since_last_start" in run.result:
        rows.append(["Time since its last start", seconds_text(run.result["seconds_since_last_start"])])
    tables = [Table("Environment", ["", ""], rows), _settings_table(vars(run.settings))]
    return Section("Making it again", ["This makes the run again, in a new folder:"], tables, code=run.command)


def _settings_table(settings: Mapping[str, Any]) -> Table:
    def text(value):
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    rows = [[name, text(value)] for name, value in settings.items() if value not in (None, "", [])]
    return Table("All settings", ["setting", "value"], rows, folded=True)
