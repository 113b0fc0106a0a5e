"""What something was computed with and on."""

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tfdrop

if TYPE_CHECKING:
    import keras

ROOT = Path(tfdrop.__file__).resolve().parents[1]
# Beside Python and tfdrop; those that are installed.
PACKAGES = ("keras", "keras-hub", "tensorflow", "jax", "jaxlib", "numpy", "scipy", "scikit-image", "scikit-learn")


def environment() -> dict[str, Any]:
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


def versions() -> dict[str, str]:
    """Returns the versions of Python, tfdrop and what it computes with."""
    found = {"python": platform.python_version(), "tfdrop": tfdrop.__version__}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Returns the commit of the code: from git, or from the file that a bundle carries."""
    carried = ROOT / "COMMIT"
    if carried.exists():
        return carried.read_text().strip()
    # An installed package may lie in the checkout of something else.
    top = git("rev-parse", "--show-toplevel")
    if top is None or Path(top.strip()).resolve() != ROOT:
        return "unknown"
    return (git("describe", "--always", "--dirty") or "unknown").strip()


def git(*arguments: str) -> str | None:
    """Returns what git prints in the code's folder; `None` if there is no git, or no checkout."""
    try:
        finished = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return None
    return None if finished.returncode else finished.stdout


def machine() -> str:
    """Returns the accelerators' names where there are any, and the processor and its cores."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), model)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return ", ".join([*accelerators(), f"{model}, {cores} cores"])


def accelerators() -> list[str]:
    """Returns the names of the devices that the backend computes on beside the processor."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    return [device for device in keras.distribution.list_devices() if not device.startswith("cpu")]


def rounds_coarsely(model: "keras.Model") -> bool:
    """Tells whether what a model computes is rounded to few bits: in 16, or on accelerators, which may keep 10."""
    from tfdrop.functional.double_precision import computes_in_half

    return bool(accelerators()) or computes_in_half(model)
