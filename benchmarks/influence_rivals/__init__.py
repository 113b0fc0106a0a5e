"""The libraries that compete in `benchmarks.influence_speed`, each in a process and an environment of its own."""
