"""Builds in a temporary folder. The rest is in setup.cfg.

setuptools would build in `build/`, leave that folder in the source tree, and next time install from it what has been
deleted from the source since.
"""

import tempfile

from setuptools import setup

with tempfile.TemporaryDirectory() as folder:
    setup(options={"build": {"build_base": folder}})
