"""Kills runs of both programs at random moments, over and over, and compares what they come to with one left alone.

python -m experiments.faults --kills=100 --out=results/faults.md

Both train twice, with dropping by replay in between, and the controls after. A run is started, killed at a random
moment, started again, and so on until one start reaches the end; then its networks, influences, metrics and results
must have the bits of the run that was not killed. Half of the moments are a random time after the start, and most of
these fall into what comes before the work; the others follow a random line of progress, so that all of the work has its
share however busy the machine is. Programs are forked from this process, which has everything imported.
"""

import collections
import datetime
import os
import random
import runpy
import shlex
import signal
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

from absl import flags

from experiments.outcomes import differing_files, outcome, phases_in
from train.program import run

KILLS = flags.DEFINE_integer("kills", 100, "Kills, over both programs.", lower_bound=1)
MINUTES = flags.DEFINE_float("minutes", 1e9, "Begin no further run after so many minutes.")
SEED = flags.DEFINE_integer("seed", 0, "Seed of the moments.")
OUT = flags.DEFINE_string("out", "", "Page to write; none if empty.")

PROGRAMS = {
    "train.denoise": "--depth=2 --filters=2 --patches_per_image=8 --epochs=3 --influence=replay --controls",
    "train.classify": "--train_samples=40 --batch_size=8 --epochs=2 --validation_samples=40 --max_drop=6 --drop=none",
}
ALWAYS = "--save_every=0.2"
MOST_OF_A_RUN = 0.6  # the latest moment of a kill after a start
MOST_LINES, LONGEST_MOMENT = 25, 0.3  # of progress before a kill, and seconds after the last of these
BEFORE = "before the first line of progress"


def main():
    import keras  # noqa: F401 (before the programs are forked)

    started = time.monotonic()
    draw = random.Random(SEED.value)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        references = {program: _reference(program, Path(scratch)) for program in PROGRAMS}
        while sum(len(row["phases"]) for row in rows) < KILLS.value:
            if time.monotonic() - started > 60 * MINUTES.value:
                break
            program = list(PROGRAMS)[len(rows) % 2]
            rows.append(_killed(program, Path(scratch) / f"run{len(rows)}", references[program], draw))
            print(_line(rows[-1]), flush=True)
    if OUT.value:
        Path(OUT.value).write_text(_page(rows, time.monotonic() - started))


def _reference(program, scratch):
    """Returns what a run that is left alone comes to, and the seconds that it takes."""
    folder = scratch / program
    start = time.monotonic()
    status, phase = _start(program, folder)
    if status:
        raise RuntimeError(f"{program}: status {status}; {phase}")
    seconds = time.monotonic() - start
    print(f"{program}: {seconds:.0f} s left alone", flush=True)
    return outcome(folder), seconds


def _killed(program, folder, reference, draw):
    """Kills and starts a run until it reaches its end; returns what happened."""
    expected, seconds = reference
    phases = []
    while True:
        if draw.random() < 0.5:
            lines, moment = 0, draw.uniform(0, MOST_OF_A_RUN * seconds)
        else:
            lines, moment = draw.randint(1, MOST_LINES), draw.uniform(0, LONGEST_MOMENT)
        status, phase = _start(program, folder, lines, moment)
        if status != -signal.SIGKILL:
            break
        phases.append(phase)
    differing = ["the end"] if status else sorted(differing_files(expected, outcome(folder)))
    return {"program": program, "phases": phases, "status": status, "last": phase, "differing": differing}


def _start(program, folder, lines=0, moment=float("inf")):
    """Runs a program in a child of this process, and kills it some seconds after so many lines of progress.

    Returns:
        Its status, that of a kill negative, and what it was doing.
    """
    log = folder.with_suffix(".log")
    log.unlink(missing_ok=True)
    if not (child := os.fork()):
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.argv = [program, *shlex.split(PROGRAMS[program]), ALWAYS, f"--workdir={folder}"]
        _forget_flags()
        code: Any = 1
        try:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
            code = 0
        except SystemExit as end:
            code = end.code or 0
        finally:
            sys.stdout.flush()
            os._exit(code if isinstance(code, int) else 1)
    deadline = None
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if deadline is None and len(phases_in(log)) >= lines:
            deadline = time.monotonic() + moment
        if deadline is not None and time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            break
        time.sleep(0.01)
    phases = phases_in(log)
    return os.waitstatus_to_exitcode(status), phases[-1] if phases else BEFORE


def _forget_flags():
    """Removes this program's own flags, which the program that is run does not have."""
    for flag in (KILLS, MINUTES, SEED, OUT):
        delattr(flags.FLAGS, flag.name)


def _line(row):
    verdict = f"differs in {', '.join(row['differing'])}" if row["differing"] else "the same"
    phases = ", ".join(f"{count} {phase}" for phase, count in collections.Counter(row["phases"]).items())
    return f"{row['program']}: {len(row['phases'])} kills ({phases or 'none'}): {verdict}"


def _page(rows, seconds):
    from tfdrop.environment import commit, machine

    kills = collections.Counter((row["program"], phase) for row in rows for phase in row["phases"])
    bad = [row for row in rows if row["differing"]]
    command = shlex.join(["python", "-m", "experiments.faults", *sys.argv[1:]])
    programs = " and ".join(f"`{program} {words} {ALWAYS}`" for program, words in PROGRAMS.items())
    what = f"""
        {len(rows)} runs were killed {sum(kills.values())} times in all (SIGKILL), at random moments, started again
        until they reached their end, and compared with a run that was left alone: networks, influences, metrics,
        results, and which files there are. {len(rows) - len(bad)} of {len(rows)} ended with the same bits. Half of the
        moments were a random time after the start, half followed a random line of progress; a kill counts in the phase
        of the last line before it."""
    how = f"""
        Command: `{command}`; programs {programs}. {seconds / 60:.0f} minutes on {machine()};
        {datetime.date.today()}, commit {commit()}."""
    lines = ["# Killed runs", "", *_wrapped(what), ""]
    lines += [*(f"- {_line(row)}" for row in bad), ""] if bad else []
    lines += ["| program | killed while | kills |", "|---|---|---|"]
    lines += [f"| {program} | {phase} | {count} |" for (program, phase), count in sorted(kills.items())]
    return "\n".join([*lines, "", *_wrapped(how)]) + "\n"


def _wrapped(text):
    return textwrap.wrap(" ".join(text.split()), 120, break_on_hyphens=False, break_long_words=False)


if __name__ == "__main__":
    run(main)
