"""What a measurement was made with and on."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def environment():
    """Returns commit, date, machine and versions, as plain values."""
    import keras  # here, as the commit alone can be had without a deep-learning backend

    return {
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "backend": keras.backend.backend(),
        "keras": keras.__version__,
        "python": platform.python_version(),
    }


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


def machine():
    """Returns the accelerator's name where there is one, and the processor and its cores."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), model)
    return ", ".join([*_accelerators(), f"{model}, {len(os.sched_getaffinity(0))} cores"])


def _accelerators():
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    return [device for device in keras.distribution.list_devices() if not device.startswith("cpu")]
