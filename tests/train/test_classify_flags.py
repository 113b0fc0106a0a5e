"""What flags come to."""

from programs import run_many


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
