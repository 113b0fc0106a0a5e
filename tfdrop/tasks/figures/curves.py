"""FocusedDropout, Fig. 5: accuracy and training loss over the epochs, run by run."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfdrop import plots
from tfdrop.errors import UserError
from tfdrop.tasks.figures.figure import Options, labelled, shown_training
from tfdrop.tasks.page.trainings import seed_curves
from tfdrop.tasks.run_folder import RunFolder

ACCURACY, LOSS = "test accuracy (%)", "training loss"


def draw(target: Any, runs: Sequence[RunFolder], options: Options) -> None:
    panels: dict[str, dict[str, np.ndarray]] = {ACCURACY: {}, LOSS: {}}
    for name, run in labelled(runs, options):
        training = shown_training(run, options)
        for panel, quantity in ((ACCURACY, "test_error"), (LOSS, "loss")):
            found = seed_curves(run.seeds, [training], quantity)
            if training in found:
                panels[panel][name] = 100 - found[training] if panel == ACCURACY else found[training]
        if name not in panels[LOSS]:
            raise UserError(f"--training={training}: not recorded in {run.path}")
    plots.curves(target, {quantity: lines for quantity, lines in panels.items() if lines})
