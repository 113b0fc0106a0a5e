"""Packs the code, the wheels that are missing and the data for a machine without network, in parts.

python -m experiments.bundle --out=bundle --data_dir=DIR
python -m experiments.bundle --out=bundle --image_sets_dir=DIR --image_sets=cifar10,cifar100

There, with the parts and `unpack.py` side by side:

python3 unpack.py tfdrop
cd tfdrop && export PYTHONPATH=$PWD/wheels KERAS_BACKEND=jax
python3 -m experiments.run --data_dir=data
"""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from absl import flags

from tfdrop.environment import ROOT, commit, git
from tfdrop.errors import UserError, blaming
from train.program import run

OUT = flags.DEFINE_string("out", "bundle", "Folder to write the parts to; must not be there yet.")
DATA_DIR = flags.DEFINE_string("data_dir", "", "Folder whose Train400, BSD68 and Set12 to take along; none if empty.")
IMAGE_SETS = flags.DEFINE_list("image_sets", [], "Image sets to take along, each as one .npz file.")
IMAGE_SETS_DIR = flags.DEFINE_string(
    "image_sets_dir", "", "Folder that holds them; that of TensorFlow Datasets if empty."
)
RUNS = flags.DEFINE_string("runs", "", "Folder of experiments under way to take along, to go on with there.")
PYTHON_VERSION = flags.DEFINE_string("python_version", "3.12", "Python of the other machine.")
PART_MIB = flags.DEFINE_integer("part_mib", 60, "Largest size of a part.", lower_bound=1)

# What a machine with JAX for GPUs has not: Keras, and the two packages that it needs.
WHEELS = ("keras", "namex", "optree")
DATA = ("Train400", "BSD68", "Set12")


def main():
    out = Path(OUT.value)
    if out.exists():
        raise UserError(f"--out={out}: exists already")
    data = Path(DATA_DIR.value).expanduser()
    if DATA_DIR.value and (missing := [name for name in DATA if not (data / name).is_dir()]):
        raise UserError(f"--data_dir={data}: has no {', '.join(missing)}")
    if RUNS.value and not Path(RUNS.value).is_dir():
        raise UserError(f"--runs={RUNS.value}: no such folder")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar, tempfile.TemporaryDirectory() as scratch:
        for name in _tracked_files():
            tar.add(ROOT / name, name)
        (Path(scratch) / "COMMIT").write_text(commit() + "\n")
        tar.add(Path(scratch) / "COMMIT", "COMMIT")
        for wheel in _download_wheels(Path(scratch) / "wheels"):
            tar.add(wheel, f"wheels/{wheel.name}")
        for name in DATA if DATA_DIR.value else ():
            tar.add(data / name, f"data/{name}")
        for name in IMAGE_SETS.value:
            tar.add(_image_set_file(name, Path(scratch)), f"data/{name}.npz")
        if RUNS.value:
            tar.add(RUNS.value, "runs/experiments")
    _write_parts(archive.getvalue(), out)


def _tracked_files():
    listed = git("ls-files", "-z")
    if listed is None:
        raise UserError("a bundle is packed from a git checkout, with git, and here is none")
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _image_set_file(name, folder):
    """Writes an image set as a file that needs no TensorFlow to be read. Returns its path."""
    from tfdrop.data.sets.image_set import save_image_set
    from tfdrop.data.sets.named import load_image_set

    with blaming("image_sets", name):
        save_image_set(folder / f"{name}.npz", load_image_set(name, IMAGE_SETS_DIR.value or None))
    return folder / f"{name}.npz"


def _download_wheels(folder):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", PYTHON_VERSION.value, "--dest", str(folder), *WHEELS]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode:
        reason = (finished.stderr.strip().splitlines() or ["pip failed"])[-1]
        raise UserError(f"--python_version={PYTHON_VERSION.value}: the wheels cannot be had: {reason}")
    return sorted(folder.glob("*.whl"))


def _write_parts(content, out):
    """Writes the archive in parts, the list of them with their checksums, and the script that unpacks them."""
    out.mkdir(parents=True)
    step = PART_MIB.value * 2**20
    manifest = []
    for number, start in enumerate(range(0, len(content), step)):
        part = content[start : start + step]
        name = f"part{number:02d}"
        (out / name).write_bytes(part)
        manifest.append({"name": name, "sha256": hashlib.sha256(part).hexdigest()})
        print(f"{out / name}: {len(part) / 2**20:.1f} MiB")
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    shutil.copy(ROOT / "experiments" / "unpack.py", out / "unpack.py")


if __name__ == "__main__":
    run(main)
