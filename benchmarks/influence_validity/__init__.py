"""What influence predicts, compared with what retraining and known answers show.

Each part is a module with a `HEADING`, `section(images)`, which returns the lines of the part's section, and `n()`,
which tells how often it repeated what.
"""
