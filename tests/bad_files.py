"""A folder of files that are wrong, each in a way of its own, for `test_bad_input.py`."""

import hashlib
import io
import json
import shutil
import struct
import tarfile
import time
import zipfile
import zlib

import numpy as np
import PIL.Image
from programs import ROOT

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), dtype="uint8")
LABELS = np.array([0, 1, 2, 0, 1, 0])


def write_bad_files(folder):
    """Writes them all; what needs Keras is in `write_bad_networks`."""
    _write_image_sets(folder)
    _write_images(folder)
    _write_lists(folder)
    _write_weights(folder)
    _write_runs(folder)
    _write_archives(folder)


def _write_image_sets(folder):
    for name, size in (("folders", 4), ("sizes", 5), ("bombs", 4)):
        for label, side in (("a", 4), ("b", size)):
            (folder / name / "train" / label).mkdir(parents=True)
            path = folder / name / "train" / label / "x.png"
            PIL.Image.fromarray(PIXELS[0]).resize((side, side)).save(path)
    _cut(folder / "folders" / "train" / "b" / "x.png", 40)
    (folder / "bombs" / "train" / "b" / "x.png").write_bytes(_bomb())
    parts = {"train_images": PIXELS, "train_labels": LABELS, "test_images": PIXELS, "test_labels": LABELS}
    np.savez(folder / "labels.npz", classes=np.array(["a", "b"]), **parts)
    (folder / "broken.npz").write_bytes((folder / "labels.npz").read_bytes()[:300])
    np.savez(folder / "floats.npz", classes=np.array(["a", "b", "c"]), **parts | {"train_images": PIXELS / 255})
    np.savez(folder / "lengths.npz", classes=np.array(["a", "b", "c"]), **parts | {"train_labels": LABELS[1:]})
    np.savez(folder / "pickle.npz", classes=np.array(["a", print], dtype=object), **parts)
    np.savez(folder / "others.npz", x=PIXELS)
    (folder / "text.npz").write_text("text")


def _write_images(folder):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48), dtype="uint8")
    for name in ("good", "broken", "tiny", "empty", "bomb", "film", "text"):
        (folder / name).mkdir()
    PIL.Image.fromarray(pixels).save(folder / "good" / "a.png")
    PIL.Image.fromarray(pixels).save(folder / "broken" / "a.png")
    _cut(folder / "broken" / "a.png", 200)
    PIL.Image.fromarray(pixels[:6, :9]).save(folder / "tiny" / "tiny.png")
    (folder / "bomb" / "a.png").write_bytes(_bomb())
    (folder / "text" / "a.tif").write_text("no picture")
    frames = [PIL.Image.fromarray(pixels), PIL.Image.fromarray(pixels[::-1])]
    frames[0].save(folder / "film" / "a.tiff", save_all=True, append_images=frames[1:])


def _bomb(side=60_000):
    """A PNG of some hundred bytes that says it is a picture of gigabytes."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _write_lists(folder):
    (folder / "words.csv").write_text("index,decision\n3,perhaps\n")
    (folder / "unknown.csv").write_text("index,decision\n99999,dropped\n")
    (folder / "columns.csv").write_text("name,decision\n3,dropped\n")
    (folder / "nothing.csv").write_text("")
    (folder / "bytes.csv").write_bytes(b"index\n\xff\xfe\x00\n")
    (folder / "all.csv").write_text("index\n" + "\n".join(map(str, range(1797))) + "\n")


def _write_weights(folder):
    (folder / "text.keras").write_text("text")
    (folder / "text.h5").write_text("text")
    with zipfile.ZipFile(folder / "null.keras", "w") as archive:
        archive.writestr("config.json", "null")
    with zipfile.ZipFile(folder / "empty.keras", "w"):
        pass
    (folder / "model.txt").write_text("weights")


def _write_runs(folder):
    for name, settings in (
        ("other_run", '{"sigma": 15.0}'),
        ("half_settings", '{"sigma": 1'),
        ("list_settings", "[]"),
        ("bytes_settings", "\0\1"),
    ):
        (folder / name).mkdir()
        (folder / name / "settings.json").write_text(settings)
        (folder / name / "round1.keras").write_text("hours of training")
    (folder / "in_use").mkdir()
    (folder / "in_use" / ".lock").write_text('{"host": "elsewhere", "process": 7}')
    for name, state in (("half", '{"arms'), ("list", "[]"), ("sum", '{"arms": {}, "key": "", "sha256": "0"}')):
        (folder / f"state_{name}" / "dncnn_s25-seed0").mkdir(parents=True)
        (folder / f"state_{name}" / "dncnn_s25-seed0" / "state.json").write_text(state)
    (folder / "unfinished").mkdir()
    (folder / "unfinished" / "settings.json").write_text('{"rounds": 2, "seeds": 1, "crop_size": 0}')


def _write_archives(folder):
    """Bundles of experiments that are damaged, or want to write elsewhere."""
    whole = _tar(("tfdrop/a.py", b"x"))
    _write_bundle(folder / "no_manifest", None)
    _write_bundle(folder / "text_manifest", b"text")
    _write_bundle(folder / "odd_manifest", b'{"part00": 1}')
    _write_bundle(folder / "lost_part", _manifest("part00", whole))
    _write_bundle(folder / "cut_part", _manifest("part00", whole), part00=whole[:-1])
    _write_bundle(folder / "no_archive", _manifest("part00", b"text"), part00=b"text")
    _write_bundle(folder / "outside_part", _manifest("../secret", b"secret"))
    (folder / "secret").write_bytes(b"secret")
    _write_bundle(folder / "absolute_part", _manifest(str(folder / "secret"), b"secret"))
    link, device = tarfile.TarInfo("tfdrop/link"), tarfile.TarInfo("tfdrop/device")
    link.type, link.linkname, device.type = tarfile.SYMTYPE, "/etc/passwd", tarfile.CHRTYPE
    members = {"outside_member": ("../../elsewhere.py", b"y"), "outside_link": link, "device": device}
    for name, member in members.items():
        content = _tar(("tfdrop/a.py", b"x"), member)
        _write_bundle(folder / name, _manifest("part00", content), part00=content)
    _write_bundle(folder / "target", _manifest("part00", whole), part00=whole)


def _write_bundle(folder, manifest, **parts):
    folder.mkdir()
    shutil.copy(ROOT / "experiments" / "unpack.py", folder / "unpack.py")
    if manifest is not None:
        (folder / "manifest.json").write_bytes(manifest)
    for name, content in parts.items():
        (folder / name).write_bytes(content)


def _manifest(name, content):
    return json.dumps([{"name": name, "sha256": hashlib.sha256(content).hexdigest()}]).encode()


def _tar(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size, info.mtime = len(member[1]), int(time.time())
            tar.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()


def _cut(path, length):
    path.write_bytes(path.read_bytes()[:length])


def write_bad_networks(folder):
    """Writes networks that are none of ours, and runs that have them."""
    import keras

    from tfdrop.models import DnCNN

    dense = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    colour = DnCNN(depth=3, filters=2, channels=3)
    code = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Lambda(lambda x: x), keras.layers.Flatten()])
    for extension in ("h5", "keras"):
        dense.save(folder / f"dense.{extension}")
        colour.save(folder / f"colour.{extension}")
    DnCNN(depth=4, filters=2).save(folder / "deep.h5")
    code.save(folder / "lambda.keras")
    settings = {"rounds": 1, "seeds": 1, "seed": 0, "crop_size": 0}
    for name in ("lambda_run", "pickle_run", "cut_run"):
        (folder / name).mkdir()
        (folder / name / "settings.json").write_text(json.dumps(settings))
        shutil.copy(folder / "lambda.keras", folder / name / "round_1.keras")
        about = {"kind": "Standardization", "classes": np.array(["a", "b"]), "image_shape": np.array([8, 8, 1])}
        about |= {"kind": np.array([print], dtype=object)} if name == "pickle_run" else {}
        np.savez(folder / name / "preprocessing.npz", **about)
    _cut(folder / "cut_run" / "preprocessing.npz", 300)
