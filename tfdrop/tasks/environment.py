"""What a run is made with and on."""

import datetime
import os
import platform
from pathlib import Path


def environment() -> dict[str, str]:
    """Returns date, machine and versions, as plain values."""
    import keras

    import tfdrop

    return {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "backend": keras.backend.backend(),
        "keras": keras.__version__,
        "python": platform.python_version(),
        "tfdrop": tfdrop.__version__,
    }


def machine() -> str:
    """Returns the accelerator's name where there is one, and the processor and its cores."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), model)
    return ", ".join([*_accelerators(), f"{model}, {_cores()} cores"])


def _cores():
    available = getattr(os, "sched_getaffinity", None)  # only some systems know what a process may use
    return len(available(0)) if available else os.cpu_count()


def _accelerators():
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    return [device for device in keras.distribution.list_devices() if not device.startswith("cpu")]
