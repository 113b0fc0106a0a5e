"""What flags come to."""

import json
import subprocess
import sys

from programs import ROOT, run_many

from tfdrop.tasks.classification.settings import ClassifySettings

PARSED = """
import json, sys
from absl import flags
from tfdrop.tasks.classification.settings import ClassifySettings
from train.flags import define_flags, settings_from_flags
define_flags(ClassifySettings)
found = []
for words in json.loads(sys.argv[1]):
    flags.FLAGS.unparse_flags()
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()
    flags.FLAGS(["program", *words])
    found.append(vars(settings_from_flags(ClassifySettings, {})))
print(json.dumps(found))
"""


def test_what_was_not_given_is_concluded_from_what_was():
    """As where the settings are made in Python: the trials of --max_drop=auto also choose the ranking."""
    given = [[], ["--max_drop=auto"], ["--max_drop=auto", "--rank_by=influence"]]
    command = [sys.executable, "-c", PARSED, json.dumps(given)]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    nothing, auto, influence = json.loads(finished.stdout)
    assert nothing == vars(ClassifySettings())
    assert auto == vars(ClassifySettings(max_drop="auto"))
    assert [found["rank_by"] for found in (nothing, auto, influence)] == ["influence", "auto", "influence"]


def test_overriding_the_drop_of_a_recipe_leaves_its_settings_behind(tmp_path):
    """The recipe's rate is SelectScale's, and no rate for dropout; what is missing then is the data alone."""
    recipe = "--recipe=select_scale/table1/wrn20_4/select_scale"
    absent = "--dataset=none.npz"
    (first, second) = run_many(
        "train.classify", [[recipe, "--drop=none", absent], [recipe, "--block_size=3"]], tmp_path
    )
    assert "no such file: none.npz" in first[2]
    assert "--block_size=3: not of --drop=select_scale" in second[2]


def test_list_of_recipes(tmp_path):
    [(status, out, err)] = run_many("train.classify", [["--list_recipes"]], tmp_path)
    assert (status, err) == (0, "")
    lines = [line for line in out.splitlines() if line.startswith("select_scale/table1/wrn20_4/select_scale ")]
    assert len(lines) == 1
    assert "4.24 ± 0.05" in lines[0]
