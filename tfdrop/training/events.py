"""TensorBoard's event files: numbers over steps, and pictures. Each event is on its way to the disk when it is added.

TensorBoard is imported where events are wanted only: an experiment on another machine wants none.
"""

import shutil
import struct
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

EVENTS = "tensorboard"  # the folder of them in a run's folder


class Events:
    """A new file of events in a folder; TensorBoard shows those of all files in the folder as one training.

    Args:
        folder: The folder, made if it is not there.
        first: The first step that will be added: what other files have from it on, which a killed run left behind,
            TensorBoard then takes back.
    """

    def __init__(self, folder: Path, first: int = 0):
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads a folder's files in the order of their names.
        self._file = open(folder / f"events.out.tfevents.{time.time():.6f}.tfdrop", "ab")  # noqa: SIM115
        self._writer = RecordWriter(self._file)
        self._add(file_version="brain.Event:2")
        self._add(step=first, session_log=_start())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Adds numbers of one step."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        parts = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._add(step=step, summary=Summary(value=parts))

    def picture(self, tag: str, path: Path, step: int = 0) -> None:
        """Adds a PNG file."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        png = path.read_bytes()
        width, height = struct.unpack(">II", png[16:24])  # PNG's header is the same in every file
        image = Summary.Image(encoded_image_string=png, width=width, height=height, colorspace=4)
        self._add(step=step, summary=Summary(value=[Summary.Value(tag=tag, image=image)]))

    def _add(self, **fields: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer.write(Event(wall_time=time.time(), **fields).SerializeToString())
        self._writer.flush()


def write_pictures(folder: Path, group: str, paths: Iterable[Path]) -> None:
    """Adds PNG files to the events of a run's folder, if it has events, in the place of the group's earlier ones."""
    if (folder / EVENTS).exists():
        shutil.rmtree(folder / EVENTS / group, ignore_errors=True)
        with Events(folder / EVENTS / group) as events:
            for path in paths:
                events.picture(path.stem, path)


def _start():
    from tensorboard.compat.proto.event_pb2 import SessionLog

    return SessionLog(status=SessionLog.START)
