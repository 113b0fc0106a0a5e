"""What a measurement was made with and on."""

import subprocess
from pathlib import Path

from tfdrop.tasks import environment as environment_of_runs

ROOT = Path(__file__).parents[1]


def environment():
    """Returns commit, date, machine and versions, as plain values."""
    return {"commit": commit(), **environment_of_runs.environment()}


def commit():
    """Returns the commit of the code: from git, or from the file that a bundle carries."""
    carried = ROOT / "COMMIT"
    if carried.exists():
        return carried.read_text().strip()
    return (git("describe", "--always", "--dirty") or "unknown").strip()


def git(*arguments):
    """Returns what git prints in the code's folder; `None` if there is no git, or no checkout."""
    try:
        finished = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return None
    return None if finished.returncode else finished.stdout
