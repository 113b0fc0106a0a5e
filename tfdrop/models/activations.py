"""The activations that networks are built with; known without a deep-learning backend."""

# That of the papers, and two without kinks: trainings with these answer their samples' weights more smoothly, so that a
# replay foretells more of them (results/replay_validity.md).
ACTIVATIONS = ("relu", "gelu", "silu")
