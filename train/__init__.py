"""Programs: each parses flags, calls the library and prints."""

import os

# TensorFlow's remarks about the processor are not news to whoever runs a program.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
