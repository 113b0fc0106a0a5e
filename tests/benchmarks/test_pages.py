"""Pages of results."""

import datetime
import re

import keras
from absl import flags

from benchmarks import pages
from tfdrop.environment import commit


def parsed(*arguments):
    values = flags.FlagValues()
    flags.DEFINE_string("data_dir", None, "", flag_values=values)
    flags.DEFINE_string("out", "", "", flag_values=values)
    flags.DEFINE_integer("n", 3, "", flag_values=values)
    flags.DEFINE_multi_string("layer", [], "", flag_values=values)
    flags.DEFINE_list("parts", ["a"], "", flag_values=values)
    flags.DEFINE_bool("fast", True, "", flag_values=values)
    values(["program", *arguments])
    return values


def command(*arguments):
    return pages.command("benchmarks.some", {"data_dir": "DIR"}, ["out"], parsed(*arguments))


def test_command_shows_the_flags_that_were_given():
    assert command() == "python -m benchmarks.some"
    assert command("--n", "4", "--parts=a,b", "--nofast") == "python -m benchmarks.some --nofast --n=4 --parts=a,b"


def test_command_shows_no_path_of_this_machine():
    assert command("--data_dir=/home/me", "--out=/home/me/page.md") == "python -m benchmarks.some --data_dir=DIR"


def test_command_is_quoted_for_the_shell():
    shown = command("--layer=a, b", "--layer=c")
    assert shown == "python -m benchmarks.some '--layer=a, b' --layer=c"


def test_command_names_another_backend(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert command() == "KERAS_BACKEND=jax python -m benchmarks.some"


def test_table_has_a_cell_for_each_column():
    lines = pages.table(["", "a", "b"], [["x", "1", ""], ["y", "", "2"]])
    assert lines == ["|  | a | b |", "|---|---|---|", "| x | 1 |  |", "| y |  | 2 |"]


def test_origin_states_where_numbers_come_from():
    command, n, machine, date = pages.origin("python -m benchmarks.some", "5 turns", 120.0)
    assert command == "- Command: `python -m benchmarks.some`, 2 minutes"
    assert n == "- n: 5 turns"
    assert re.fullmatch(r"- Machine: .+ cores; Python 3\..+, Keras 3\..+, \w+ [\d.]+", machine)
    assert date == f"- Date: {datetime.date.today().isoformat()}, commit {commit()}"


def test_write_makes_the_folder(tmp_path):
    pages.write(tmp_path / "new" / "page.md", "text\n")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["page.md"]
    assert (tmp_path / "new" / "page.md").read_text() == "text\n"


def test_sections_that_a_page_may_not_have_are_dropped(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Old title\n\n## gone\n\ntext\n\n## second\n\n### within\n\nkept\n")
    pages.put_section(path, "# New title", ["## first", "## second"], "## first\n\nnew\n")
    assert path.read_text() == "# New title\n\n## first\n\nnew\n\n## second\n\n### within\n\nkept\n"
