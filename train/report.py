"""One self-contained HTML page about runs; of several runs also a comparison.

python -m train.report --workdir=RUN
python -m train.report --workdir=RUN --workdir=RUN2 --out=comparison.html
"""

from pathlib import Path

from absl import flags

from tfdrop.errors import UserError, blaming
from tfdrop.tasks.workdir import REPORT
from train.program import run


def main():
    folders = flags.FLAGS.workdir
    if not folders:
        raise UserError("--workdir: expected the folder of a finished run, or several: --workdir=A --workdir=B")
    # Only now: reading runs needs the trainers' packages, which takes seconds.
    from tfdrop.tasks.page import write_page
    from tfdrop.tasks.run_folder import RunFolder

    runs = []
    for folder in folders:
        with blaming("workdir", folder):
            runs.append(RunFolder(folder, data_dir=flags.FLAGS.data_dir))
    path = Path(flags.FLAGS.out or (runs[0].path / REPORT if len(runs) == 1 else REPORT)).expanduser()
    with blaming("out", path):
        write_page(path, runs)
    print(f"The page: {path}")


def console():
    """Runs the program with the command line's flags."""
    flags.DEFINE_multi_string("workdir", [], "Folder of a finished run; may be given several times.")
    flags.DEFINE_string("out", "", "The page; report.html in the run's folder, or here where there are several.")
    flags.DEFINE_string("data_dir", "", "Folder of the data sets, if they are not where they were.")
    run(main)


if __name__ == "__main__":
    console()
