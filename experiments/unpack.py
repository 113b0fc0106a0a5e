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
    manifest = _manifest()
    content = b""
    for name, digest in manifest:
        piece = _read(name)
        if hashlib.sha256(piece).hexdigest() != digest:
            raise SystemExit(_error(f"{name} is damaged"))
        content += piece
    if target.exists():
        raise SystemExit(_error(f"{target} exists already"))
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar.getmembers():
                tarfile.data_filter(member, str(target))
            tar.extractall(target, filter="data")
    except tarfile.FilterError as error:
        raise SystemExit(_error(f"the archive has what would be outside of {target}: {error.tarinfo.name}")) from None
    except tarfile.TarError:
        raise SystemExit(_error("the archive is damaged")) from None
    # A wheel of these packages is a zip file that can be imported once it is unpacked.
    for wheel in sorted((target / "wheels").glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target / "wheels")
        wheel.unlink()
    print(f"Unpacked {len(manifest)} parts to {target}")


def _manifest():
    """Returns the names of the parts, files beside this one, and their checksums."""
    try:
        parts = [(str(part["name"]), str(part["sha256"])) for part in json.loads(_read("manifest.json"))]
    except (ValueError, TypeError, KeyError):
        raise SystemExit(_error("manifest.json is damaged")) from None
    for name, _ in parts:
        if name in ("", ".", "..") or Path(name).name != name:
            raise SystemExit(_error(f"manifest.json names {name}, which is not beside it"))
    return parts


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
