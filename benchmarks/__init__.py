"""Performance, measured side by side with what a user would pick instead.

There is one package for each question. `measuring` and `pages` hold what all of them share: timing in turns and memory,
and the page of results.
"""
