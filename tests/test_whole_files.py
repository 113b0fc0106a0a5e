"""Files are whole or not there, and a byte that is not what was written is noticed."""

import json
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
from programs import ROOT

from tfdrop.whole_files import (
    CheckpointError,
    DamageError,
    check_seal,
    newest_whole,
    previous,
    read_whole,
    replace,
    replace_sealed,
    sealed_text,
    sealed_values,
)


def write_arrays(path, **arrays):
    replace_sealed(path, lambda partial: np.savez(partial, **arrays), keep=True)


def read(path):
    with open(path, "rb") as raw, np.load(raw) as file:
        return file["x"].tolist()


def test_every_changed_byte_is_noticed(tmp_path):
    path = tmp_path / "a.npz"
    write_arrays(path, x=np.arange(5), y=np.random.default_rng(0).normal(size=7))
    whole = path.read_bytes()
    assert read_whole(path, read) == [0, 1, 2, 3, 4]
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(DamageError, match=r"a\.npz is damaged"):
            check_seal(path)
    for length in (0, 1, 21, 70, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DamageError):
            check_seal(path)


def test_files_of_an_earlier_release_are_read_and_their_damage_noticed(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(5))
    assert read_whole(path, read) == [0, 1, 2, 3, 4]
    content = path.read_bytes()
    path.write_bytes(content.replace(np.arange(5).tobytes(), np.arange(1, 6).tobytes()))
    assert len(path.read_bytes()) == len(content)
    with pytest.raises(DamageError):
        read_whole(path, read)


def test_the_file_before_takes_the_place_of_a_damaged_one(tmp_path, capsys):
    path = tmp_path / "a.npz"
    assert newest_whole(path, lambda each: read_whole(each, read)) is None
    for value in (1, 2, 3):
        write_arrays(path, x=np.array([value]))
    assert newest_whole(path, lambda each: read_whole(each, read)) == [3]
    assert capsys.readouterr().err == ""
    path.write_bytes(path.read_bytes()[:-1])
    assert newest_whole(path, lambda each: read_whole(each, read)) == [2]
    assert capsys.readouterr().err == f"note: checkpoint {path} is damaged; going on from the one before\n"
    path.unlink()  # as after a power failure between the two renamings
    assert newest_whole(path, lambda each: read_whole(each, read)) == [2]
    previous(path).write_bytes(b"")
    with pytest.raises(DamageError, match=r"previous-a\.npz is damaged"):
        newest_whole(path, lambda each: read_whole(each, read))


def test_another_error_than_damage_is_not_passed_over(tmp_path):
    path = tmp_path / "a.npz"
    for _ in range(2):
        write_arrays(path, x=np.array([1]))

    def refuse(each):
        raise CheckpointError("belongs to another")

    with pytest.raises(CheckpointError, match="belongs to another"):
        newest_whole(path, refuse)


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_what_could_not_be_written_leaves_nothing_behind(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("before")

    def fail(partial):
        partial.write_text("half")
        raise error

    with pytest.raises(type(error)):
        replace(path, fail, keep=True)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"a.txt": "before"}


def test_text_with_a_checksum():
    values = {"arms": {"round 1": {"error": 0.1 + 0.2}}, "seconds": 1e-9}
    text = sealed_text(values)
    assert sealed_values(text) == values
    assert sealed_values(json.dumps(values)) == values
    with pytest.raises(ValueError, match="checksum"):
        sealed_values(text.replace("0.3", "0.4"))


FLUSHED = """
import os, sys
from pathlib import Path
from tfdrop.whole_files import replace
order = []
fsync, move = os.fsync, os.replace
os.fsync = lambda number: (order.append("flush " + Path(os.readlink(f"/proc/self/fd/{number}")).name), fsync(number))
os.replace = lambda one, other: (order.append("move"), move(one, other))
replace(sys.argv[1], lambda partial: partial.write_text("x"))
print(*order, sep="\\n")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_file_is_flushed_before_it_is_moved_and_the_folder_after(tmp_path):
    command = [sys.executable, "-c", FLUSHED, str(tmp_path / "a.txt")]
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert out.splitlines() == ["flush .partial-a.txt", "move", f"flush {tmp_path.name}"]


def test_a_file_larger_than_allowed(tmp_path):
    path = tmp_path / "a.npz"
    write_arrays(path, x=np.arange(3))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        with pytest.raises(OSError, match="File too large"):
            write_arrays(path, x=np.zeros(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [each.name for each in tmp_path.iterdir()] == ["a.npz"]
    assert read_whole(path, read) == [0, 1, 2]
