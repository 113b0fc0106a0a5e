"""Unpacks a bundle beside this file: python3 unpack.py TARGET. Needs Python and nothing else."""

import hashlib
import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def unpack(target):
    """Checks every part, and only then unpacks them all."""
    manifest = json.loads(_read("manifest.json"))
    content = b""
    for part in manifest:
        piece = _read(part["name"])
        if hashlib.sha256(piece).hexdigest() != part["sha256"]:
            raise SystemExit(_error(f"{part['name']} is damaged"))
        content += piece
    if target.exists():
        raise SystemExit(_error(f"{target} exists already"))
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extractall(target, filter="data")
    # A wheel of these packages is a zip file that can be imported once it is unpacked.
    for wheel in sorted((target / "wheels").glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target / "wheels")
        wheel.unlink()
    print(f"Unpacked {len(manifest)} parts to {target}")


def _read(name):
    if not (HERE / name).exists():
        raise SystemExit(_error(f"{name} is missing"))
    return (HERE / name).read_bytes()


def _error(message):
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(_error("usage: python3 unpack.py TARGET"))
    unpack(Path(sys.argv[1]))
