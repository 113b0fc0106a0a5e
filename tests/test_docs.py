"""What the documentation names is there, and its Python blocks run."""

import ast
import configparser
import dataclasses
import importlib
import re

import keras
import numpy as np
import pytest
from programs import ROOT

import tfdrop
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.denoising.pictures import PictureSettings
from tfdrop.tasks.denoising.settings import DenoiseSettings
from tfdrop.tasks.detection.settings import DetectSettings
from train.recipes import RECIPES
from train.recipes.denoising import DENOISING
from train.recipes.detection import DETECTION

PAGES = {path.name: path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md")))}
SOURCES = {str(path.relative_to(ROOT)): path for path in sorted(ROOT.glob("tfdrop/**/*.py"))}
FOLDERS = {
    ".ci",
    "benchmarks",
    "docs",
    "examples",
    "experiments",
    "requirements",
    "results",
    "tests",
    "tfdrop",
    "train",
}
PROGRAMS = {
    "tfdrop-classify": (ClassifySettings, "train/classify.py"),
    "tfdrop-denoise": (DenoiseSettings, "train/denoise.py"),
    "tfdrop-denoise-images": (PictureSettings, "train/denoise_images.py"),
    "tfdrop-detect": (DetectSettings, "train/detect.py"),
    "tfdrop-figures": (None, "train/figures.py"),
    "tfdrop-predict": (None, "train/predict.py"),
    "tfdrop-report": (None, "train/report.py"),
}
MODULES = {file.removesuffix(".py").replace("/", "."): program for program, (_, file) in PROGRAMS.items()}


def docstrings(path):
    """Returns all docstrings of a Python file as one text."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, documented)]
    return "\n".join(ast.get_docstring(node) or "" for node in nodes)


def missing_names(text):
    """Returns the dotted names of tfdrop in a text that cannot be imported."""
    names = {name for name in re.findall(r"(?<![\w./-])tfdrop(?:\.[A-Za-z_]\w*)+", text) if not name.endswith(".py")}
    return sorted(name for name in names if not exists(name))


def exists(name):
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[count:]:
            fields = {field.name for field in dataclasses.fields(found)} if dataclasses.is_dataclass(found) else ()
            if attribute in fields:
                return True
            if not hasattr(found, attribute):
                return False
            found = getattr(found, attribute)
        return True
    return False


def test_a_missing_name_is_noticed():
    text = (
        "`tfdrop.layers.SelectScale`, tfdrop.layers.NoSuch, tfdrop.no_such.Thing and tfdrop.influence.Influence.scores"
    )
    assert missing_names(text) == ["tfdrop.layers.NoSuch", "tfdrop.no_such.Thing"]


@pytest.mark.parametrize("page", PAGES)
def test_names_on_pages_can_be_imported(page):
    assert missing_names(PAGES[page].read_text()) == []


@pytest.mark.parametrize("page", PAGES)
def test_what_pages_name_is_there_once_tfdrop_is_imported(page):
    named = set(re.findall(r"(?<![\w./-])tfdrop\.([a-z_]+)\.[A-Za-z_]", PAGES[page].read_text())) - {"py"}
    assert named <= {*tfdrop.__all__, "tasks"}  # the programs' own package, which is not for users


def test_names_in_docstrings_can_be_imported():
    missing = {name: missing_names(docstrings(path)) for name, path in SOURCES.items()}
    assert {name: names for name, names in missing.items() if names} == {}


@pytest.mark.parametrize("page", PAGES)
def test_files_that_pages_name_are_there(page):
    text = PAGES[page].read_text()
    linked = [PAGES[page].parent / link for link in re.findall(r"\]\(([^)#:]+)\)", text)]
    named = [ROOT / name for name in re.findall(r"(?<=[`\s])([\w.]+/[\w./]*)(?=[`\s])", text) if named_here(name)]
    assert linked or named
    assert [str(path) for path in (*linked, *named) if not path.exists()] == []


def named_here(name):
    return name.split("/")[0] in FOLDERS and not name.endswith("...")


def test_decisions_name_code_that_is_there():
    text = PAGES["design.md"].read_text()
    found = re.findall(r"`([\w/]+\.py)`:\s+(`\w+`(?:,\s+`\w+`(?=[,.\s]))*)", text)
    assert len(found) == text.count(".py`")
    missing = []
    for path, names in found:
        missing += [(path, name) for name in re.findall(r"\w+", names) if name not in defined_names(ROOT / path)]
    assert missing == []


def defined_names(path):
    """Returns the names of a file's functions, classes, methods and constants."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


# Each may import those after it; what is not listed, those below the tasks.
LAYERS = ("tfdrop.tasks", "tfdrop.data_dropout", "tfdrop.influence", "tfdrop.training", "tfdrop.data")


def test_imports_point_one_way():
    wrong = []
    for name, path in SOURCES.items():
        module = name.removesuffix(".py").replace("/", ".")
        own = next((place for place, layer in enumerate(LAYERS) if module.startswith(f"{layer}.")), 1)
        for node in ast.walk(ast.parse(path.read_text())):
            imported = getattr(node, "module", None) if isinstance(node, ast.ImportFrom) else None
            names = [imported] if imported else [each.name for each in getattr(node, "names", ())]
            above = (layer for layer in LAYERS[:own] for each in names if f"{each}.".startswith(f"{layer}."))
            wrong += [(module, layer) for layer in above]
    assert wrong == []


def flags_defined_in(*paths):
    """Returns the absl flags and the arguments that Python files define by a text."""
    text = "\n".join(path.read_text() for path in paths)
    return set(re.findall(r"""DEFINE_\w+\(\s*["'](\w+)["']|add_argument\(\s*["']--([\w-]+)["']""", text))


def known_flags(program):
    """Returns the flags of a program, given as on the command line."""
    files = [ROOT / "train" / "flags.py"]
    fields = []
    if program in PROGRAMS:
        settings, file = PROGRAMS[program]
        fields = [field.name for field in dataclasses.fields(settings)] if settings else []
        files.append(ROOT / file)
    else:
        module = ROOT.joinpath(*program.split("."))
        files += module.rglob("*.py") if module.is_dir() else [module.with_suffix(".py")]
    named = {*fields, *(name for pair in flags_defined_in(*files) for name in pair if name)}
    return {"help", "helpshort", *named, *(f"no{name}" for name in named)}


@pytest.mark.parametrize("page", PAGES)
def test_flags_on_pages_exist(page):
    text = PAGES[page].read_text()
    unknown, everything = [], {"no-deps", "logdir"}  # of pip and of TensorBoard
    for program in PROGRAMS:
        everything |= known_flags(program)
    for module, command in re.findall(r"(?:python3? -m |(?=tfdrop-))([\w.-]+)([^\n`#]*)", text):
        program = MODULES.get(module, module)
        if program in PROGRAMS or program.split(".")[0] in FOLDERS:
            everything |= known_flags(program)
            flags = re.findall(r"--([a-z][\w-]*)", command)
            unknown += [f"{program} --{flag}" for flag in flags if flag not in known_flags(program)]
    unknown += [f"--{flag}" for flag in re.findall(r"(?<![\w|-])--([a-z][\w-]*)", text) if flag not in everything]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES)
def test_recipes_on_pages_exist(page):
    recipes = re.findall(r"--recipe=([\w/]+)", PAGES[page].read_text())
    assert [recipe for recipe in recipes if recipe not in {*RECIPES, *DENOISING, *DETECTION, "NAME"}] == []


def python_blocks(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


def toy_problem():
    """What pages leave to the reader: data, a trained model, what it is trained with, a function that builds one."""
    centres = np.array([[2, 0], [0, 2], [-2, -2]], "float32")
    rng = np.random.default_rng(0)

    def draw(samples):
        labels = rng.integers(0, 3, samples)
        return (centres[labels] + rng.normal(size=(samples, 2))).astype("float32"), labels

    def build():
        return keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])

    (x, y), (x_validation, y_validation) = draw(64), draw(32)
    model = build()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=2, verbose=0)
    toys = {"x": x, "y": y, "x_validation": x_validation, "y_validation": y_validation, "build": build, "model": model}
    return toys | {"optimizer": keras.optimizers.SGD(0.1), "loss": model.loss}


@pytest.mark.parametrize("page", [name for name, path in PAGES.items() if python_blocks(path)])
def test_python_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = toy_problem()
    for block in python_blocks(PAGES[page]):
        exec(compile(block, page, "exec"), namespace)
    if page == "README.md":
        assert namespace["first"].influence.scores.shape == (64,)
        assert len(namespace["first"].dropped) <= 1  # 3 % of 64
        assert len(namespace["second"].samples) == 64 - len(namespace["first"].dropped)
        assert namespace["model"].output_shape == (None, 10)
    if page == "influence.md":
        assert namespace["found"].scores.shape == (64,)


def test_the_readme_is_short():
    assert len(PAGES["README.md"].read_text().splitlines()) < 150


def test_requirements_name_each_package_once():
    lines = [line for path in ROOT.glob("requirements/*.txt") for line in path.read_text().splitlines()]
    packages = [re.split(r"[><=\[]", line)[0] for line in lines if not line.startswith("#")]
    assert len(packages) == len(set(packages))
    layers = (ROOT / "requirements" / "layers.txt").read_text()
    assert {line.split(">")[0] for line in layers.splitlines() if line[0] != "#"} == {"keras", "lazy_loader", "numpy"}


def test_setup_lists_every_requirements_file():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = re.findall(r"requirements/\w+\.txt", setup["options"]["install_requires"])
    assert sorted(listed) == sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("requirements/*.txt"))


def test_commands_point_at_functions():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    commands = dict(re.findall(r"([\w-]+) = ([\w.]+:\w+)", setup["options.entry_points"]["console_scripts"]))
    assert commands.keys() == PROGRAMS.keys()
    for target in commands.values():
        module, function = target.split(":")
        assert callable(getattr(importlib.import_module(module), function))
