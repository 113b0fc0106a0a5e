"""Progress of a long phase: a bar with the time left on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self, TextIO

LINES = 10
BAR_WIDTH = 24
SECONDS_BETWEEN_REDRAWS = 0.1


class Progress:
    """Shows how far a phase has come and how long it will still take.

    Used as a context manager; `advance` is called after every step. The last line shows what was true at the end: the
    values that were passed last, and no time left.

    Args:
        label: Name of the phase.
        total: Number of steps, or `None` if it cannot be known.
        verbose: As in `keras.Model.fit`: 0 shows nothing, 1 a bar, 2 about ten plain lines; `"auto"` is 1 on a
            terminal and 2 elsewhere.
        stream: Where to write, standard output by default.
        unit: What is counted, in the plural, where that is not what the label names: "batches".

    >>> with Progress("Reading", total=2, verbose=2, unit="files") as progress:
    ...     for size in (3, 4):
    ...         progress.advance(size=size)
    Reading: 1/2 files  0 s, 0 s left, size 3
    Reading: 2/2 files  0 s, size 4
    """

    def __init__(
        self,
        label: str,
        total: int | None = None,
        verbose: int | str = "auto",
        stream: TextIO | None = None,
        unit: str = "",
    ):
        self._stream = stream or sys.stdout
        self._label = label
        self._total = total or None
        self._unit = f" {unit}" if unit else ""
        self._verbose = (1 if self._stream.isatty() else 2) if verbose == "auto" else verbose
        self._done = self._resumed_at = 0
        self._values: dict[str, float | str] = {}
        self._width = 0
        self._ended = False

    def __enter__(self) -> Self:
        self._start = self._last_shown = time.monotonic()
        if self._verbose == 1:
            self._draw()
        return self

    def resume(self, done: int) -> None:
        """Counts `done` steps as taken before now, or skipped: they say nothing about the time left."""
        if done != self._done:
            self._done = self._resumed_at = done
            self._start = time.monotonic()

    def advance(self, steps: int = 1, **values: float | str | None) -> None:
        """Counts `steps` more steps as done; `values` are numbers or texts to show from now on, `None` no longer."""
        before, self._done = self._done, self._done + steps
        self._values = {name: value for name, value in (self._values | values).items() if value is not None}
        if self._verbose == 1 and time.monotonic() - self._last_shown > SECONDS_BETWEEN_REDRAWS:
            self._draw()
        elif self._verbose == 2 and self._done != self._total and self._passed_a_tenth(before):
            self._print_line()

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended = True
        if self._verbose == 1:
            self._draw()
            print(file=self._stream, flush=True)
        elif self._verbose == 2 and exception is None:
            self._print_line()

    def _passed_a_tenth(self, before: int) -> bool:
        return self._total is not None and self._done * LINES // self._total > before * LINES // self._total

    def _text(self) -> str:
        elapsed = time.monotonic() - self._start
        parts = [f"{elapsed:.0f} s"]
        taken = self._done - self._resumed_at
        if self._total and taken > 0 and self._done < self._total and not self._ended:
            parts.append(f"{elapsed * (self._total - self._done) / taken:.0f} s left")
        parts += [
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self._values.items()
        ]
        return f"{self._done}{f'/{self._total}' if self._total else ''}{self._unit}  " + ", ".join(parts)

    def _print_line(self) -> None:
        print(f"{self._label}: {self._text()}", file=self._stream, flush=True)

    def _draw(self) -> None:
        filled = min(BAR_WIDTH, BAR_WIDTH * self._done // self._total) if self._total else 0
        line = f"{self._label} [{'=' * filled}{' ' * (BAR_WIDTH - filled)}] {self._text()}"
        # Blanks over what a longer line left behind.
        print("\r" + line.ljust(self._width), end="", file=self._stream, flush=True)
        self._width = len(line)
        self._last_shown = time.monotonic()
