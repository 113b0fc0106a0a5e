"""Pages of results in Markdown, and what every page states: command, n, machine, versions, date and commit."""

import importlib.metadata
import shlex
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from absl import flags

from tfdrop.checkpoint import replace
from tfdrop.environment import environment


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Returns the lines of a table.

    >>> print(*table(["layer", "time"], [["ReLU", "1.00"]]), sep="\\n")
    | layer | time |
    |---|---|
    | ReLU | 1.00 |
    """
    return [_row(header), "|" + "---|" * len(header), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def wrapped(text: str) -> str:
    """Returns a paragraph as lines of at most 120 characters."""
    return textwrap.fill(text, 120, break_on_hyphens=False, break_long_words=False)


def command(
    program: str,
    placeholders: Mapping[str, str] | None = None,
    hidden: Collection[str] = (),
    values: flags.FlagValues = flags.FLAGS,
) -> str:
    """Returns the command line that started this process, for a reader to run elsewhere.

    Args:
        program: What follows `python -m`: a module, and flags that are shown even if they were not given.
        placeholders: What to show instead of the values of some flags, which are paths on this machine.
        hidden: Names of flags not to show.
        values: The flags.
    """
    import keras

    placeholders = placeholders or {}
    backend = keras.backend.backend()
    words = [] if backend == "tensorflow" else [f"KERAS_BACKEND={backend}"]
    words += ["python", "-m", program]
    for name, flag in sorted((flag.name, flag) for flag in _given_flags(values)):
        if name in placeholders:
            words.append(f"--{name}={placeholders[name]}")
        elif name not in hidden:
            words += map(shlex.quote, flag.serialize().splitlines())
    return " ".join(words)


def _given_flags(values: flags.FlagValues) -> Iterable[flags.Flag]:
    every = {values[name].name: values[name] for name in values}  # some have a short name too
    return (flag for flag in every.values() if flag.present)


def origin(command_line: str, n: str, seconds: float | None = None) -> list[str]:
    """Returns the lines that tell how a result came about.

    Args:
        command_line: What `command` returned.
        n: How many runs, turns or seeds there were, and of what.
        seconds: How long it took, if that is to be told.
    """
    found = environment()
    duration = "" if seconds is None else f", {seconds / 60:.0f} minutes"
    backend = found["backend"]
    versions = f"Python {found['python']}, Keras {found['keras']}, {backend} {importlib.metadata.version(backend)}"
    return [
        f"- Command: `{command_line}`{duration}",
        f"- n: {n}",
        f"- Machine: {found['machine']}; {versions}",
        f"- Date: {found['date']}, commit {found['commit']}",
    ]


def write(path: str | Path, text: str) -> None:
    """Writes a page, whole or not at all; folders that are missing are made."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    replace(path, lambda partial: partial.write_text(text))


def put_section(path: str | Path, title: str, headings: Sequence[str], section: str) -> None:
    """Writes a section of a page, in place of the one with the same heading; other sections are kept.

    Args:
        path: The page, which may not exist yet.
        title: The first line of the page.
        headings: The first lines of all sections that the page may have, in their order. Each begins with `## `.
        section: The section, heading included.
    """
    path = Path(path)
    written = path.read_text() if path.exists() else ""
    sections = [f"## {text}" for text in written.split("\n## ")[1:]] + [section]
    by_heading = {text.splitlines()[0]: text.strip() for text in sections}
    kept = [by_heading[heading] for heading in headings if heading in by_heading]
    write(path, "\n\n".join([title.strip(), *kept]) + "\n")


def publish(lines: Iterable[str], path: str | None, title: str, headings: Sequence[str]) -> None:
    """Prints a section, its paragraphs wrapped, and puts it into a page if a path is given; see `put_section`."""
    section = "\n".join(line if line.startswith(("|", "#", "-")) else wrapped(line) for line in lines)
    print(section, flush=True)
    if path:
        put_section(path, title, headings, section)
