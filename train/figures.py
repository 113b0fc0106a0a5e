"""The papers' figures, drawn from the folders of runs.

python -m train.figures --list
python -m train.figures NAME --workdir=RUN
python -m train.figures activation_maps --workdir=RUN --workdir=RUN2 --labels=none,FocusedDropout --out=maps.png
"""

import textwrap
from pathlib import Path

from absl import flags

from tfdrop.errors import UserError, blaming
from train.program import run


def main(name=""):
    # Only now: reading runs needs the trainers' packages, which takes seconds.
    from tfdrop.checkpoint import replace
    from tfdrop.tasks.figures.catalogue import FIGURES
    from tfdrop.tasks.figures.figure import Options
    from tfdrop.tasks.run_folder import RunFolder

    if flags.FLAGS.list:
        for known, figure in FIGURES.items():
            print(f"{known}: {figure.source}\n{textwrap.indent(figure.about, '    ')}")
        return
    if name not in FIGURES:
        raise UserError(f"{f'no figure is called {name}' if name else 'expected a figure'}: {', '.join(FIGURES)}")
    if not flags.FLAGS.workdir:
        raise UserError("--workdir: expected the folder of a finished run")
    runs = []
    for folder in flags.FLAGS.workdir:
        with blaming("workdir", folder):
            runs.append(RunFolder(folder, data_dir=flags.FLAGS.data_dir))
    options = Options(**{field: getattr(flags.FLAGS, field) for field in Options._fields} | _numbers())
    path = Path(flags.FLAGS.out or f"{name}.png").expanduser()
    with blaming("out", path):
        replace(path, lambda partial: FIGURES[name].draw(partial, runs, options))
    print(f"The figure: {path}")


def _numbers():
    """Returns the options that are lists of whole numbers."""
    found = {}
    for name in ("epochs", "images"):
        words = getattr(flags.FLAGS, name)
        if not all(word.isdecimal() for word in words):
            raise UserError(f"--{name}={','.join(words)}: expected whole numbers of at least 0")
        found[name] = [int(word) for word in words]
    return found


def console():
    """Runs the program with the command line's flags."""
    flags.DEFINE_bool("list", False, "Print the figures and what each takes.")
    flags.DEFINE_multi_string("workdir", [], "Folder of a finished run; may be given several times.")
    flags.DEFINE_string("out", "", "The picture; NAME.png if empty.")
    flags.DEFINE_string("data_dir", "", "Folder of the data sets, if they are not where they were.")
    flags.DEFINE_list("labels", [], "What the runs are called, one for each --workdir.")
    flags.DEFINE_string("training", "", "The training that is shown, such as: round 1; the last round if empty.")
    flags.DEFINE_list("epochs", [], "Epochs whose networks are shown, as --keep_epochs kept them.")
    flags.DEFINE_list("images", [], "Test images, or validation images for pairs, counted from 0.")
    flags.DEFINE_list("classes", [], "Names of the classes that are shown.")
    flags.DEFINE_integer("number", 0, "How many images or samples are shown; a usual number if 0.", lower_bound=0)
    flags.DEFINE_string("setting", "", "The setting on the horizontal axis.")
    flags.DEFINE_enum("method", "auto", ["auto", "cam", "grad_cam"], "How activation maps are made.")
    flags.DEFINE_enum("influence", "functions", ["functions", "replay"], "How the influence of pairs is found.")
    run(main, arguments=1)


if __name__ == "__main__":
    console()
