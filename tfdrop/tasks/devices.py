"""The devices that a run trains on: `--distribute`, in one process or in several that do the same run together."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tfdrop.errors import UserError
from tfdrop.tasks.determinism import make_deterministic
from tfdrop.tasks.lock import LOCK, locked
from tfdrop.tasks.settings import MULTI_WORKER, ONE_DEVICE, RunSettings
from tfdrop.training.events import EVENTS
from tfdrop.whole_files import PARTIAL


def start_devices(settings: RunSettings) -> None:
    """Gets hold of a run's devices, and of the other processes; to be called before anything is computed.

    Raises:
        UserError: If there are no such devices here.
    """
    if settings.distribute == ONE_DEVICE:
        return
    if settings.distribute == MULTI_WORKER:
        _task()
    if settings.deterministic:
        make_deterministic()
    _strategy(settings.distribute)


def scope(settings: RunSettings) -> contextlib.AbstractContextManager:
    """Returns the context in which networks are made, and trained, that are to be on all devices of a run."""
    if settings.distribute == ONE_DEVICE:
        return contextlib.nullcontext()
    return _strategy(settings.distribute).scope()


def normalized_together(settings: RunSettings, network: Any) -> Any:
    """Returns a network whose batch normalization, on several devices, has the statistics of the whole batch."""
    import keras

    if settings.distribute != ONE_DEVICE and keras.backend.backend() == "tensorflow":
        for layer in network._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True
    return network


def on_all_devices(settings: RunSettings, network: Any) -> Any:
    """Returns a network with the same weights on all devices of a run; on JAX the network itself, as on one device."""
    import keras

    if settings.distribute == ONE_DEVICE or keras.backend.backend() == "jax":
        return network
    with scope(settings):
        copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return copy


def predicted(network: Any, x: Any, batch_size: int) -> np.ndarray:
    """Returns a network's outputs, computed on the devices that it is on; streamed images are read batch by batch."""
    from tfdrop.data.samples import is_streamed
    from tfdrop.training.replicas import replicas

    if replicas(network) > 1:
        from tfdrop.training.sharded_outputs_tensorflow import ShardedOutputs

        # It lies with the network, as what Keras traces does.
        outputs = vars(network).setdefault("_tfdrop_outputs", ShardedOutputs(network))
        return outputs(x, batch_size)
    if is_streamed(x):
        found = []
        for start in range(0, len(x), batch_size):
            batch = np.asarray(x[start : start + batch_size])
            x.expect(slice(start + batch_size, start + 2 * batch_size))
            found.append(predicted(network, batch, batch_size))
        return np.concatenate(found)
    return network.predict(x, batch_size=batch_size, verbose=0)


def agreed(settings: RunSettings, number: float) -> float:
    """Returns the mean of a number over the processes of a run, which then decide alike."""
    if settings.distribute != MULTI_WORKER:
        return number
    from tfdrop.training import distribution_tensorflow

    return distribution_tensorflow.agreed(_strategy(MULTI_WORKER), number)


@contextlib.contextmanager
def run_folder(settings: RunSettings, path: str | Path, patience: float = 0.0) -> Iterator[str | Path]:
    """Yields the folder that this process works in, and holds its lock: the run's own, in one process.

    Of several, the chief works in the run's own folder, and the others each in a copy of it, which is removed at the
    end: they have to find the same in it, and nobody else writes into the run's.

    Args:
        settings: The run's settings.
        path: The run's folder.
        patience: As for `locked`.

    Raises:
        UserError: If another run is at work in the folder, or the processes do not see the same one.
    """
    with contextlib.ExitStack() as stack:
        chief = settings.distribute != MULTI_WORKER or _is_chief()
        if chief:
            stack.enter_context(locked(path, patience))
        agreed(settings, 0)  # the chief has the lock from here on
        here = path if chief else _copied(Path(path).expanduser(), stack)
        if settings.distribute == MULTI_WORKER:
            digest = _digest(Path(here).expanduser())
            if agreed(settings, digest) != digest:
                raise UserError(f"--workdir={path}: not the same folder for all workers")
        if not chief:
            stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
        yield here
        agreed(settings, 0)  # nobody leaves before the others have what they need


def _copied(path, stack):
    here = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tfdrop-worker-"))) / "run"
    if path.exists():
        shutil.copytree(path, here, ignore=shutil.ignore_patterns(LOCK, f"{PARTIAL}*", EVENTS))
    return here


def _digest(folder):
    """Returns a number of what is in a folder: names and sizes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [(path.relative_to(folder), path.stat().st_size) for path in files]
    names = [(str(name), size) for name, size in names if not name.name.startswith((LOCK, PARTIAL))]
    names = [each for each in names if EVENTS not in Path(each[0]).parts]
    return int(hashlib.sha256(json.dumps(names).encode()).hexdigest()[:8], 16)


def _task():
    """Returns what `TF_CONFIG` says of this process: the cluster, a dictionary of addresses, its type and its index.

    Raises:
        UserError: If it says none of that.
    """
    flag = f"--distribute={MULTI_WORKER}"
    if "TF_CONFIG" not in os.environ:
        raise UserError(f"{flag}: the environment variable TF_CONFIG has to name the workers")
    try:
        config = json.loads(os.environ["TF_CONFIG"])
        cluster, task = config["cluster"], config["task"]
        if not isinstance(cluster, dict) or task["index"] not in range(len(cluster[task["type"]])):
            raise ValueError(f"no such task as {task}")
        return cluster, task["type"], task["index"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{flag}: TF_CONFIG is not one of a worker ({type(error).__name__}: {error})") from error


def _is_chief():
    cluster, kind, index = _task()
    return kind == ("chief" if "chief" in cluster else "worker") and index == 0


@cache
def _strategy(distribute):
    """Returns what has a `scope()` for all devices of a run, the same one each time."""
    import keras

    if keras.backend.backend() == "jax":
        if distribute == MULTI_WORKER:
            raise UserError(f"--distribute={MULTI_WORKER}: on TensorFlow only")
        return keras.distribution.DataParallel(devices=keras.distribution.list_devices())
    from tfdrop.training import distribution_tensorflow

    return getattr(distribution_tensorflow, distribute)()
