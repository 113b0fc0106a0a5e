"""Recipes of the papers' classification tables, by name."""

RECIPES = {}
