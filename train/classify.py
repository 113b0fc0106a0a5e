"""Classification: train, drop the unfavorable images, train again, report the test error.

python -m train.classify
python -m train.classify --list_recipes
python -m train.classify --recipe=NAME --data_dir=DIR --workdir=runs/NAME
"""

import contextlib
import time

from absl import flags

from tfdrop.models.sizes import NETWORKS
from tfdrop.tasks import former_names
from tfdrop.tasks.classification.data import read_data
from tfdrop.tasks.classification.drop_layers import OF_A_DROP, with_usual_values
from tfdrop.tasks.classification.report import classification_report
from tfdrop.tasks.classification.settings import NAMES, ClassifySettings
from tfdrop.tasks.determinism import make_deterministic
from tfdrop.tasks.devices import agreed, run_folder, start_devices
from tfdrop.tasks.shown_result import is_finished, show_result
from tfdrop.tasks.workdir import Workdir
from train.flags import PATIENCE, define_flags, overridden, seeds_of_slice, settings_from_flags
from train.help import help_text
from train.interruption import interruptible
from train.program import run
from train.recipes import RECIPES

# Settings that leave a recipe's number what it is.
UNIMPORTANT = (
    *("data_dir", "download", "workdir", "in_memory", "jit", "distribute", "deterministic", "skip_unreadable"),
    *("seed", "seeds", "controls", "count_last", "keep_epochs", "curve"),
)


def main():
    if flags.FLAGS.list_recipes:
        print(_recipe_list())
        return
    if flags.FLAGS.list_models:
        print("\n".join(NETWORKS))
        return
    recipes = {name: _kept_settings(RECIPES[name]) for name in RECIPES}
    settings = with_usual_values(settings_from_flags(ClassifySettings, recipes, former_names.EVERYWHERE))
    seeds = seeds_of_slice(settings)
    start_devices(settings)
    data = read_data(settings)
    if settings.deterministic:
        make_deterministic()
    path = settings.workdir or time.strftime("runs/classify-%Y%m%d-%H%M%S")
    finished = is_finished(path)
    if not finished:
        # Only now: TensorFlow takes seconds to import, which bad input should not have to wait for, nor a report.
        from tfdrop.tasks.classification import run as classification_run

        classification_run.check(settings, data)
    with contextlib.ExitStack() as stack:
        here = stack.enter_context(run_folder(settings, path, patience=0.0 if seeds is None else PATIENCE))
        workdir = Workdir(here, settings, {"images": data.fingerprint()}, former_names.EVERYWHERE)
        if seeds is not None:
            stack.close()  # each seed's folder has a lock of its own
        with interruptible(path, flags.FLAGS.save_every, lambda stop: agreed(settings, stop) > 0) as pace:
            if not finished:
                classification_run.run(settings, data, workdir, _about_recipe(), pace, seeds)
            elif seeds is None:
                show_result(workdir, classification_report, data)


def _kept_settings(recipe):
    """Returns a recipe's settings; without those of its drop layer where the command line asks for another."""
    drop = flags.FLAGS["drop"]
    if not drop.present or drop.value == recipe.settings.get("drop", drop.default):
        return recipe.settings
    return {name: value for name, value in recipe.settings.items() if name not in OF_A_DROP}


def _about_recipe():
    """Returns what the result says of the recipe, if there is one: the paper's number, and which settings differ."""
    name = flags.FLAGS.recipe
    if not name:
        return {}
    recipe = RECIPES[name]
    paper = {key: value for key, value in recipe.paper._asdict().items() if value is not None}
    about = {"name": name, "source": recipe.source, "paper": paper, "text": str(recipe.paper)}
    return {"recipe": about | {"overridden": overridden(ClassifySettings, UNIMPORTANT)}}


def _recipe_list():
    rows = [(name, str(recipe.paper), recipe.source, recipe.cost) for name, recipe in RECIPES.items()]
    header = ("recipe", "paper", "source", "cost")
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows]]
    return "\n".join(line.rstrip() for line in lines)


def console():
    """Runs the program with the command line's flags."""
    define_flags(ClassifySettings, former_names.EVERYWHERE)
    flags.DEFINE_bool("list_recipes", False, "Print the recipes with the papers' numbers and their cost.")
    flags.DEFINE_bool("list_models", False, "Print the names of the networks that --model takes.")
    own = ("recipe", "slice", "list_recipes", "list_models")
    run(main, lambda: help_text(__doc__, own, ClassifySettings, NAMES))


if __name__ == "__main__":
    console()
