"""What all programs have in common."""

import dataclasses
import os
import re
import subprocess
import sys

import pytest
from programs import ROOT, run_commands

from tfdrop.models.networks import NETWORKS
from tfdrop.tasks.classification.drop_layers import DROPS
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.denoising.settings import DenoiseSettings


@pytest.mark.parametrize("flag", ["--help", "--list_recipes"])
def test_a_reader_that_has_had_enough_is_no_error(flag):
    command = [sys.executable, "-m", "train.classify", flag]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as running:
        running.stdout.readline()
        running.stdout.close()
        err = running.stderr.read()
        assert running.wait() in (0, 141)  # 0 where all of it was in the pipe by then
    assert err == ""


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What programs print, by their command line."""
    commands = ["classify --help", "classify --helpshort", "classify --list_models", "denoise --help", "predict --help"]
    words = [[f"train.{command.split()[0]}", command.split()[1]] for command in commands]
    found = dict(zip(commands, run_commands(words, tmp_path_factory.mktemp("empty")), strict=True))
    assert all((status, err) == (0, "") for status, _, err in found.values())
    return {command: out for command, (_, out, _) in found.items()}


def test_the_networks_that_there_are(printed):
    assert printed["classify --list_models"].split() == list(NETWORKS)


@pytest.mark.parametrize(("program", "kind"), [("classify", ClassifySettings), ("denoise", DenoiseSettings)])
def test_help_has_every_flag_once_in_its_group(printed, program, kind):
    text = printed[f"{program} --help"]
    names = re.findall(r"^  --(?:\[no\])?(\w+)", text, re.MULTILINE)
    own = {"recipe", "list_recipes", "list_models", "slice"} & set(names)
    assert sorted(names) == sorted([*own, *(field.name for field in dataclasses.fields(kind))])
    headings = re.findall(r"^[A-Z]\w+(?: dropout)?$", text, re.MULTILINE)
    assert headings == ["Data", "Network", "Training", "Data dropout", "Output"]
    sections = dict(zip(headings, re.split(r"^[A-Z]\w+(?: dropout)?\n", text, flags=re.MULTILINE)[1:], strict=True))
    assert "  --learning_rate=NUMBER  [" in sections["Training"]
    assert "  --influence=replay|lissa|cg|original  [" in sections["Data dropout"]
    assert "  --max_drop=NUMBER|auto  [0.03]" in sections["Data dropout"]
    assert "  --[no]controls  [true]" in sections["Data dropout"]
    assert "  --workdir=TEXT\n" in sections["Output"]
    assert max(map(len, text.splitlines())) <= 100


def test_help_names_the_choices(printed):
    text = printed["classify --help"]
    assert text == printed["classify --helpshort"]
    assert "  --augment=none|flip|crop|translation|lighting  [none]" in text
    assert set(DROPS) <= set(re.findall(r"\w+", text[text.index("--drop=NAME") : text.index("--placement")]))
    assert "  --learning_rate_drops=N,N,...  [0.5,0.75]" in text
    assert "  --run=TEXT\n      Folder of a finished run" in printed["predict --help"]
