"""What a program prints at its end: the report, and where everything is. No deep-learning backend is needed for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfdrop.tasks.workdir import REPORT, RESULT, Workdir


def is_finished(path: str | Path) -> bool:
    """Tells whether a folder holds a finished run, whose report can be printed again."""
    return (Path(path).expanduser() / RESULT).is_file()


def show_result(workdir: Workdir, report: Callable[[dict], str], data: Any) -> None:
    """Prints the report of a finished run, and writes the page about it unless it is there.

    Args:
        workdir: The run's folder.
        report: Function from its result to the text.
        data: What it read.
    """
    print(report(workdir.read_json(RESULT)))
    if not workdir.exists(REPORT):
        # Only now: the page draws, and needs seconds to import what it draws with.
        from tfdrop.tasks.page import write_page
        from tfdrop.tasks.run_folder import RunFolder

        write_page(workdir.path / REPORT, [RunFolder(workdir.path, data)])
    print(f"\nEverything is in {workdir.path}, and {REPORT} there shows it")
