"""Detection: a trained classifier becomes a RetinaNet, is fine-tuned on PASCAL VOC, and its mAP reported.

python -m train.detect --classifier=RUN --dataset=VOCdevkit
python -m train.detect --list_recipes
python -m train.detect --recipe=NAME --classifier=RUN --data_dir=DIR --workdir=runs/NAME
"""

import contextlib
import time
from pathlib import Path

from absl import flags

from tfdrop.detection.keras_hub_extra import check_keras_hub
from tfdrop.errors import UserError
from tfdrop.tasks.detection.data import read_data
from tfdrop.tasks.detection.settings import DetectSettings
from tfdrop.tasks.lock import locked
from tfdrop.tasks.shown_result import is_finished
from tfdrop.tasks.workdir import Workdir
from train.flags import define_flags, overridden, settings_from_flags
from train.help import help_text
from train.interruption import interruptible
from train.program import run
from train.recipes.detection import DETECTION

# Settings that leave a recipe's number what it is.
UNIMPORTANT = ("dataset", "data_dir", "workdir", "classifier", "seed", "test_every", "pictures")


def main():
    if flags.FLAGS.list_recipes:
        print("\n".join(f"{name}  {recipe.paper}  {recipe.source}" for name, recipe in DETECTION.items()))
        return
    settings = settings_from_flags(DetectSettings, {name: recipe.settings for name, recipe in DETECTION.items()})
    if not settings.classifier:
        raise UserError("--classifier: expected a finished run of tfdrop-classify, or its classifier.keras")
    if not Path(settings.classifier).expanduser().exists():
        raise UserError(
            f"--classifier={settings.classifier}: no such file or folder; it is what tfdrop-classify leaves"
        )
    data = read_data(settings)
    try:
        check_keras_hub()
    except ValueError as error:
        raise UserError(str(error)) from error
    # Only now: Keras takes seconds to import, which bad input should not have to wait for.
    from tfdrop.tasks.detection import run as detection_run

    classifier, weights = detection_run.read_classifier(settings)
    path = settings.workdir or time.strftime("runs/detect-%Y%m%d-%H%M%S")
    detector = None if is_finished(path) else detection_run.make_detector(settings, classifier)
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(path))
        workdir = Workdir(path, settings, {"images": data.fingerprint(), "classifier": weights})
        pace = stack.enter_context(interruptible(path, flags.FLAGS.save_every))
        detection_run.run(settings, data, detector, workdir, _about_recipe(), pace)


def _about_recipe():
    """Returns what the result says of the recipe, if there is one: the paper's number, and which settings differ."""
    name = flags.FLAGS.recipe
    if not name:
        return {}
    recipe = DETECTION[name]
    about = {"name": name, "source": recipe.source, "text": str(recipe.paper)}
    return {"recipe": about | {"overridden": overridden(DetectSettings, UNIMPORTANT)}}


def console():
    """Runs the program with the command line's flags."""
    define_flags(DetectSettings, sliced=False)
    flags.DEFINE_bool("list_recipes", False, "Print the recipes with the paper's numbers.")
    run(main, lambda: help_text(__doc__, ("recipe", "list_recipes"), DetectSettings))


if __name__ == "__main__":
    console()
