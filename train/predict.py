"""What a trained classifier takes images for.

python -m train.predict --run=runs/bees --images=a.jpeg,b.png
python -m train.predict --run=classifier.keras --images=FOLDER
"""

from pathlib import Path

from absl import flags

from tfdrop.classifier import load_classifier
from tfdrop.errors import UserError, blaming
from train.help import help_text
from train.program import run


def main():
    if not flags.FLAGS.run:
        raise UserError("--run: expected a finished run of tfdrop-classify, or its classifier.keras")
    files = [file for name in flags.FLAGS.images for file in _files(name)]
    if not files:
        raise UserError("--images: expected at least one file or folder")
    with blaming("run", flags.FLAGS.run):
        classifier = load_classifier(flags.FLAGS.run)
    with blaming("images", ",".join(flags.FLAGS.images)):
        answers = classifier.classify(files)
    width = max(len(answer.file) for answer in answers)
    for answer in answers:
        print(f"{answer.file.ljust(width)}  {answer.name}  {answer.probability:.1%}")


def _files(name):
    """Returns the image files that a flag's word stands for."""
    from tfdrop.data.images.files import image_paths

    path = Path(name).expanduser()
    if not path.is_dir():
        return [path]
    with blaming("images", name):
        return image_paths(path)


def console():
    """Runs the program with the command line's flags."""
    flags.DEFINE_string("run", "", "Folder of a finished run of tfdrop-classify, or its classifier.keras.")
    flags.DEFINE_list("images", [], "Image files, or folders of them.")
    run(main, lambda: help_text(__doc__, ["run", "images"]))


if __name__ == "__main__":
    console()
