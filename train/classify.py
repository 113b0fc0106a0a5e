"""Classification: train, drop the unfavorable images, train again, report the test error.

python -m train.classify
python -m train.classify --list_recipes
python -m train.classify --recipe=NAME --data_dir=DIR --workdir=runs/NAME
"""

import dataclasses
import time

from absl import flags

from tfdrop.errors import UserError, blaming, unknown
from tfdrop.models.placements import PLACEMENTS
from tfdrop.tasks.classification.data import read_data
from tfdrop.tasks.classification.drop_layers import DROPS, OF_A_DROP, with_usual_values
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.workdir import Workdir
from train import flags as flags_module
from train.flags import define_flags, settings_from_flags
from train.program import run
from train.recipes import RECIPES
from train.recipes.cost import NETWORKS

# Settings that leave a recipe's number what it is.
UNIMPORTANT = ("data_dir", "download", "workdir", "jit", "seed", "seeds", "controls", "count_last")


def main():
    if flags.FLAGS.list_recipes:
        print(_recipe_list())
        return
    settings = settings_from_flags(ClassifySettings, {name: _kept_settings(RECIPES[name]) for name in RECIPES})
    _check_names(settings)
    settings = with_usual_values(settings)
    _check(settings)
    data = read_data(settings)
    # Only now: TensorFlow takes seconds to import, which bad input should not have to wait for.
    from tfdrop.tasks.classification import run as classification_run

    classification_run.check(settings, data)
    path = settings.workdir or time.strftime("runs/classify-%Y%m%d-%H%M%S")
    workdir = Workdir(path, settings, {"images": data.fingerprint()})
    classification_run.run(settings, data, workdir, _about_recipe())


def _kept_settings(recipe):
    """Returns a recipe's settings; without those of its drop layer where the command line asks for another."""
    drop = flags.FLAGS["drop"]
    if not drop.present or drop.value == recipe.settings.get("drop", drop.default):
        return recipe.settings
    return {name: value for name, value in recipe.settings.items() if name not in OF_A_DROP}


def _check_names(settings):
    known = {"model": NETWORKS, "drop": DROPS, "test_drop": DROPS, "placement": PLACEMENTS}
    for flag, names in known.items():
        if (name := getattr(settings, flag)) is not None and name not in names:
            raise unknown(flag, name, names)


def _check(settings):
    """Raises a `UserError` for settings that are wrong together or that only their reader can judge."""
    if settings.influence_damping != "auto":
        with blaming("influence_damping", settings.influence_damping):
            if not 0 <= float(settings.influence_damping) < float("inf"):
                raise ValueError("expected a finite number of at least 0, or auto")
    if settings.max_drop > 1 and settings.max_drop != int(settings.max_drop):
        raise UserError(f"--max_drop={settings.max_drop}: expected a share up to 1 or a whole number")
    if settings.augment != "none" and settings.augment_from_round > settings.rounds:
        raise UserError(
            f"--augment={settings.augment}: never, with --rounds={settings.rounds} and "
            f"--augment_from_round={settings.augment_from_round}"
        )
    if settings.augment == "lighting" and settings.preprocessing != "pixel_mean":
        raise UserError("--augment=lighting: its colours are for --preprocessing=pixel_mean")
    if settings.crop_size and settings.augment == "none":
        raise UserError(f"--crop_size={settings.crop_size}: random crops need an --augment")
    if settings.test_crops > 1 and not settings.crop_size:
        raise UserError(f"--test_crops={settings.test_crops}: needs a --crop_size")
    if settings.validation_samples == [0]:
        wants = {"rounds": settings.rounds > 1, "count_last": settings.count_last}
        wants["schedule"] = settings.schedule == "plateau"
        for flag, needed in wants.items():
            if needed:
                raise UserError(f"--validation_samples=0: --{flag}={getattr(settings, flag)} needs some")


def _about_recipe():
    """Returns what the result says of the recipe, if there is one: the paper's number, and which settings differ."""
    name = flags.FLAGS.recipe
    if not name:
        return {}
    recipe = RECIPES[name]
    names = [field.name for field in dataclasses.fields(ClassifySettings) if field.name not in UNIMPORTANT]
    overridden = [flags.FLAGS[name].serialize() for name in names if flags.FLAGS[name].present]
    paper = {key: value for key, value in recipe.paper._asdict().items() if value is not None}
    about = {"name": name, "source": recipe.source, "paper": paper, "text": str(recipe.paper)}
    return {"recipe": about | {"overridden": overridden}}


def _recipe_list():
    rows = [(name, str(recipe.paper), recipe.source, recipe.cost) for name, recipe in RECIPES.items()]
    header = ("recipe", "paper", "source", "cost")
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows]]
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    define_flags(ClassifySettings)
    flags.DEFINE_bool("list_recipes", False, "Print the recipes with the papers' numbers and their cost.")
    flags.adopt_module_key_flags(flags_module)  # so that --helpshort lists them
    run(main)
