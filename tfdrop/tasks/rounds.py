"""A program's run: its rounds, and the controls that tell what dropping did and what else did."""

from collections.abc import Mapping
from pathlib import Path

from tfdrop.checkpoint import Pace
from tfdrop.tasks.arm import Arm
from tfdrop.tasks.arms import ArmsRun, Task
from tfdrop.tasks.settings import RunSettings

FULL, RANDOM = "full set", "random drop"
SCORES = "influence_scores.npz"  # until the table of them is written


def round_name(number: int) -> str:
    """Returns the name of the arm of a round."""
    return f"round {number}"


def rounds(settings: RunSettings) -> tuple[Arm, ...]:
    """Returns the arms of the rounds, each on what the one before left."""
    last = settings.rounds
    return tuple(
        Arm(
            round_name(number),
            round=number,
            after=round_name(number - 1) if number > 1 else "",
            cap=settings.cap,
            counted=number < last or settings.count_last,
        )
        for number in range(1, last + 1)
    )


def controls(settings: RunSettings, results: Mapping[str, dict], rounds_differ: bool) -> tuple[Arm, ...]:
    """Returns the controls that tell something new.

    Args:
        settings: The run's settings.
        results: The results of its rounds, by name.
        rounds_differ: Whether the last round's settings differ from the first's; where they do not, round 1 is the
            control on the full set.
    """
    last = settings.rounds
    if not settings.controls or last == 1:
        return ()
    arms = [Arm(FULL, round=last)] if rounds_differ else []
    if results[round_name(last)]["dropped"]:
        arms.append(Arm(RANDOM, round=last, after=round_name(last - 1), cap=settings.cap, random=True))
    return tuple(arms)


def run_rounds(
    task: Task, settings: RunSettings, folder: Path, rounds_differ: bool, pace: Pace | None = None
) -> tuple[ArmsRun, dict]:
    """Trains the rounds, and then the controls that the rounds give reason for.

    Args:
        task: The task.
        settings: Its settings.
        folder: Where everything is kept; what an earlier start has finished is not done again.
        rounds_differ: As for `controls`.
        pace: When to save and when to stop.

    Returns:
        The finished run, and the results of all arms by name, the rounds first.

    Raises:
        OutOfTime: If the pace says so; everything is saved.
    """
    arms = rounds(settings)
    results = ArmsRun(task, arms, folder, scores=SCORES).run(pace)
    done = ArmsRun(task, arms + controls(settings, results, rounds_differ), folder, scores=SCORES)
    return done, done.run(pace)
