"""The classification recipes: every row and column of the three papers' classification tables, one file a paper.

A recipe is named after its place, `paper/table/row/column`: `select_scale/table1/wrn20_4/select_scale`.
"""

from train.recipes import data_dropout, focused_dropout, select_scale
from train.recipes.recipe import Paper, Recipe

RECIPES = {**data_dropout.recipes(), **select_scale.recipes(), **focused_dropout.recipes()}

__all__ = ["RECIPES", "Paper", "Recipe"]
