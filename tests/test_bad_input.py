"""Bad input of every program ends at once: one line on stderr that names what is wrong, status 2, nothing on disk."""

import hashlib

import pytest
from bad_files import write_bad_files, write_bad_networks
from bad_input_tables import BUNDLE, CLASSIFY, DENOISE, NETWORKS, PREDICT, RUN, TABLE, UNPACK
from programs import run_commands

# What programs read, so that it is imported once; none of it is a deep-learning backend.
READERS = ("tfdrop.tasks.classification.data", "tfdrop.tasks.denoising.data", "sklearn.datasets", "skimage.io", "h5py")
READERS += ("tfdrop.models.dncnn_weights", "tfdrop.classifier", "tfdrop.environment", "experiments.catalogue")
READERS += ("train.program", "train.flags", "train.interruption", "train.recipes", "train.recipes.denoising")
PROGRAMS = {
    "train.classify": CLASSIFY,
    "train.denoise": DENOISE,
    "train.predict": PREDICT,
    "experiments.run": RUN,
    "experiments.bundle": BUNDLE,
    "experiments.table": TABLE,
}
# An entry is a command line and what the line on stderr has to say.
CASES = [(f"{program} {flags}".strip(), said) for program, table in PROGRAMS.items() for flags, said in table.items()]
CASES += list(UNPACK.items())
OF_NETWORKS = list(NETWORKS.items())


def contents(folder):
    """Every file and folder inside, with a digest of what is in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
        if "__pycache__" not in path.parts
    }


def refusals(folder, cases, preloaded):
    """Runs every case in the folder; returns what each came to by its command line, and what changed on disk."""
    before = contents(folder)
    found = run_commands([command.split() for command, _ in cases], folder, preloaded)
    after = contents(folder)
    changed = sorted(name for name in before | after if before.get(name) != after.get(name))
    return {command: each for (command, _), each in zip(cases, found, strict=True)}, changed


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    write_bad_files(folder)
    return refusals(folder, CASES, READERS)


@pytest.fixture(scope="module")
def heavy(tmp_path_factory):
    """What only Keras can tell: here a deep-learning backend is imported, and may say what it likes before."""
    folder = tmp_path_factory.mktemp("networks")
    write_bad_files(folder)
    write_bad_networks(folder)
    return refusals(folder, OF_NETWORKS, (*READERS, "tensorflow", "keras"))


@pytest.mark.parametrize(("command", "said"), CASES)
def test_refused_in_one_line_before_any_backend_is_imported(light, command, said):
    status, out, err = light[0][command]
    assert status == 2, err
    assert out == ""
    [line] = err.splitlines()
    assert line.startswith("error: ")
    assert said in line


@pytest.mark.parametrize(("command", "said"), OF_NETWORKS)
def test_refused_in_one_line_after_the_network_was_looked_at(heavy, command, said):
    status, out, err = heavy[0][command]
    assert status == 2, err
    assert out == ""
    assert "Traceback" not in err
    line = err.splitlines()[-1]
    assert line.startswith("error: ")
    assert said in line


def test_nothing_is_changed_on_disk(light, heavy):
    assert light[1] == heavy[1] == []


def test_there_are_at_least_sixty():
    assert len(CASES) + len(OF_NETWORKS) >= 60
