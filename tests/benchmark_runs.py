"""Running every benchmark at toy size, in forks of one process, whose imports they share."""

import importlib.util
import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from programs import ROOT, run_commands
from skimage.io import imsave

from tfdrop.data.sets.image_set import ImageSet, save_image_set

PRELOADED = ("tfdrop.influence.scores", "scipy.stats", "sklearn.metrics")

VALIDITY = "benchmarks.influence_validity --dataset=grey --validation_samples=20 --curvature=gauss_newton"
REPLAY = "benchmarks.replay_validity --dataset=colour --setup=gelu_cnn --samples=40 --validation_samples=20"
JOB = "--dataset=colour --training_samples=20 --validation_samples=5 --job_epochs=1"
CORE = f"--core={min(os.sched_getaffinity(0))}"

# Each of these writes a page.
WITH_PAGE = {
    "loo": f"{VALIDITY} --parts=loo --loo_samples=40 --loo_left_out=4 --loo_lissa_depth=100",
    "lds": f"{VALIDITY} --parts=lds --lds_samples=40 --lds_subsets=6 --lds_retrainings=2 --lds_models=1 --lds_draws=20",
    "labels": f"{VALIDITY} --parts=labels --labels_samples=60 --labels_seeds=1 --labels_draws=2",
    "replay": f"{REPLAY} --parts=lds --shares=0.1,0.5 --subsets=12 --other_seeds=1,2 --repeated_seed=1",
    "extremes": f"{REPLAY} --parts=extremes --extreme_seeds=1,2 --first=4 --weights=0,0.5",
    "dropping": f"{REPLAY} --parts=dropping --drop_shares=0.1 --scoring_seeds=1,2 --test_seeds=3,4",
    "weighing": f"{REPLAY} --parts=dropping --drop_shares=0.1 --scoring_seeds=1,2 --test_seeds=3,4 "
    "--dropped_weight=0.5",
    "others": f"{REPLAY} --parts=lds --shares=0.1 --subsets=12 --other_seeds=1,2 --noown",
    "clean": "benchmarks.clean_set --dataset=colour --samples=50 --validation_samples=20 --counts=2,5 --seeds=2",
    "denoiser": "benchmarks.replay_validity --setup=dncnn --samples=20 --validation_samples=10 --parts=lds "
    "--shares=0.1 --subsets=12 --other_seeds=1",
    "cost": f"benchmarks.replay_cost {CORE} --network=cnn --epochs=1,2 --memories=12,2,folder",
    "layers": "benchmarks.layers --shapes=2x5x4x6 --repeats=2 --steps=1 --batch_size=2 --blocks=0 --widening=1 "
    "--layer=SelectScale",
    "throughput": "benchmarks.training.throughput --depth=3 --filters=4 --patch_size=8 --batch_size=4 --steps=1 "
    "--repeats=2 --matrix_size=64",
    "speed": f"benchmarks.influence_speed {JOB} {CORE} '--route=cg as it comes' --repeats=1 --turns=1 --batch_size=2 "
    "--network=resnet20 --memory_samples=8",
    "self": f"benchmarks.influence_speed.self_influence {JOB} --bases=4,6 --solved=3 --depth=60",
    "preconditioning": f"benchmarks.influence_speed.preconditioning {JOB} --lissa_steps=0,3 "
    "--depths=1 --plain_depths=1,2",
    "matrix": f"benchmarks.influence_speed.influence_matrix {JOB} --bases=4,12 --columns=3",
}
WITHOUT_DATA = ("cost", "layers", "throughput")

by_hand = pytest.mark.skipif(
    not os.environ.get("TFDROP_BENCHMARKS"), reason="takes minutes; TFDROP_BENCHMARKS=1 runs the benchmarks at toy size"
)

# The steps that each of tfdrop's routes is given.
TFDROP_ROUTES = {"reference": 200, "cg": 10, "lissa": 200}


@dataclass(frozen=True)
class Run:
    """What a program left: its exit status and output, and its page if it writes one."""

    status: int
    out: str
    err: str
    page: str


def toy_images(size: int, channels: int, classes: int) -> ImageSet:
    """Returns images whose class tells which of their columns are bright."""
    rng = np.random.default_rng(0)

    def part(count):
        y = np.arange(count, dtype="int32") % classes
        bright = np.arange(size) * classes // size == y[:, None]
        x = rng.integers(0, 120, (count, size, size, channels)) + 120 * bright[:, None, :, None]
        return x.astype("uint8"), y

    return ImageSet(part(80), part(40), tuple(map(str, range(classes))))


def run_all(folder: Path) -> dict[str, Run]:
    """Runs everything that needs no other library; returns the runs by name."""
    save_image_set(folder / "grey.npz", toy_images(8, 1, 2))
    save_image_set(folder / "colour.npz", toy_images(32, 3, 10))
    for name in ("Train400", "BSD68", "Set12"):
        (folder / name).mkdir()
        for number, image in enumerate(toy_images(32, 1, 10).train[0][:5]):
            imsave(folder / name / f"{number}.png", image[..., 0], check_contrast=False)
    job = folder / "job.npz"
    commands = {}
    for name, command in WITH_PAGE.items():
        data = [] if name in WITHOUT_DATA else [f"--data_dir={folder}"]
        commands[name] = [*shlex.split(command), *data, f"--out={page_of(folder, name)}"]
    for name in ("replay", "others", "denoiser", "extremes", "dropping", "weighing", "clean"):
        commands[name].append(f"--bank={folder / 'bank'}")
    commands["job"] = ["benchmarks.influence_speed.job", *JOB.split(), f"--data_dir={folder}", f"--job={job}"]
    for route, effort in TFDROP_ROUTES.items():
        program = "benchmarks.influence_speed.rivals.tfdrop_contender"
        commands[f"tfdrop, {route}"] = [program, job, route, effort, folder / f"{route}.npy"]
    for path, number, command in recorded_commands():
        commands[f"{path.name} {number}"] = [*command, "--only_check_args"]
    found = run_commands(commands.values(), preloaded=PRELOADED)
    return {name: Run(*each, _text(page_of(folder, name))) for name, each in zip(commands, found, strict=True)}


def recorded_commands() -> list[tuple[Path, int, list[str]]]:
    """Returns the benchmarks' commands in the pages of results that need no other library, with their number there."""
    pages = sorted((ROOT / "results").glob("*.md"))
    found = [(path, *each) for path in pages for each in enumerate(commands_in(path.read_text()))]
    return [each for each in found if "pytorch" not in each[-1][0]]


def page_of(folder: Path, name: str) -> Path:
    """Returns where a run writes its page; the parts of `influence_validity` share one."""
    return folder / "pages" / ("validity.md" if name in ("loo", "lds", "labels") else f"{name}.md")


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def cells(text: str) -> list[list[str]]:
    """Returns the rows of the tables in a page, without their headers."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    ruled = [line.startswith("|---") for line in [*lines, ""]]
    rows = [line for line, rule, header in zip(lines, ruled, ruled[1:], strict=False) if not rule and not header]
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in rows]


def commands_in(text: str) -> list[list[str]]:
    """Returns the benchmarks' command lines in a page, from the module on."""
    quoted = re.findall(r"`(?:KERAS_BACKEND=jax )?python -m (benchmarks\.[^`]+)`", text)
    in_blocks = re.findall(r"^ {4}python -m (benchmarks\..+)$", text, re.MULTILINE)
    return [shlex.split(command) for command in quoted + in_blocks]


def python_with(package: str, variable: str) -> str | None:
    """Returns a Python that has a rival's package: this one, or the one that an environment variable names."""
    return sys.executable if importlib.util.find_spec(package) else os.environ.get(variable)
