"""Image classification: settings, data, networks, training, tests and the report."""
