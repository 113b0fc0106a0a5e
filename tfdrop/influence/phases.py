"""The phases of one influence computation in one checkpoint."""


class Phases:
    """Keeps the state of every phase, finished or running, in a checkpoint; or keeps nothing without one.

    Args:
        checkpoint: A `tfdrop.checkpoint.Checkpoint`, or `None`.
    """

    def __init__(self, checkpoint):
        self._checkpoint = checkpoint
        self._loaded = checkpoint.load() if checkpoint is not None else {}
        self._states = {}

    def start(self, phase):
        """Returns the arrays that a phase goes on from; an empty dictionary if it has not begun."""
        prefix = f"{phase}/"
        return {name.removeprefix(prefix): array for name, array in self._loaded.items() if name.startswith(prefix)}

    def after_step(self, phase, state):
        """Takes note of a phase's state, a function that returns arrays, and saves if it is time to."""
        if self._checkpoint is not None:
            self._states[phase] = state
            self._checkpoint.after_step(self._arrays)

    def forget(self, beginning):
        """Drops the states of the phases whose names begin so, for phases of the same names to begin anew."""
        for states in (self._loaded, self._states):
            for name in [name for name in states if name.startswith(beginning)]:
                del states[name]

    def _arrays(self):
        arrays = dict(self._loaded)
        for phase, state in self._states.items():
            arrays |= {f"{phase}/{name}": array for name, array in state().items()}
        return arrays
