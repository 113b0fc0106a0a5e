"""The page about runs: one HTML file that needs no network, made from the runs' folders."""

from tfdrop.tasks.page.page import write_page

__all__ = ["write_page"]
