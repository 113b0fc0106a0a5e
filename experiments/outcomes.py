"""What runs came to: which phases a log tells of, and whether two folders hold the same bits."""

import csv
import json
import re
import zipfile
from typing import Any

from tfdrop.checkpoint import read_arrays

PROGRESS = re.compile(r"(.+?): \d+/\d+( \w+)?  ")  # a line of it, after the phase
OF_TIME = ("seconds", "samples_per_second")  # what no two runs share


def phases_in(log):
    """Returns the phase of each line of progress."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return [found[1] for line in lines if (found := PROGRESS.match(line))]


def outcome(folder):
    """Returns what a finished run leaves, by file, without what says how long it took."""
    found: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                found[path.name] = archive.read("model.weights.h5")
        elif path.suffix == ".npz":
            found[path.name] = {name: array.tobytes() for name, array in read_arrays(path).items()}
        elif path.name == "metrics.csv":
            rows = csv.DictReader(path.read_text().splitlines())
            found[path.name] = [{name: row[name] for name in row if name not in OF_TIME} for row in rows]
        elif path.name == "result.json":
            result = json.loads(path.read_text())
            for each in (result, *result.get("runs", [])):
                for name in ("seconds", "starts", "seconds_since_last_start"):
                    each.pop(name, None)
            found[path.name] = result
        else:
            found[path.name] = path.is_dir() or path.suffix
    return found


def differing_files(expected, found):
    """Returns the names of what is not the same in two outcomes."""
    return {name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)}
