"""The phases of one influence computation in one checkpoint."""

import hashlib

import numpy as np
from keras import ops

from tfdrop.checkpoint import CheckpointError

FINGERPRINT = "fingerprint"


class Phases:
    """Keeps the state of every phase, finished or running, in a checkpoint if there is one.

    Args:
        checkpoint: A `tfdrop.checkpoint.Checkpoint`, or `None`.
        model: The model; its weights must be those of the checkpoint.
        **settings: What else the computation depends on.

    Raises:
        CheckpointError: If the checkpoint is damaged, or of other weights or settings.
    """

    def __init__(self, checkpoint, model, **settings):
        self._checkpoint = checkpoint
        self._loaded = checkpoint.load() if checkpoint is not None else {}
        if checkpoint is not None:
            self._fingerprint = weights_digest(model, repr(sorted(settings.items())).encode())
            if self._loaded.pop(FINGERPRINT, self._fingerprint) != self._fingerprint:
                raise CheckpointError(
                    f"checkpoint {checkpoint.path} is of another computation: other weights, or not with {settings}"
                )
        self._states = {}

    def start(self, phase):
        """Returns the arrays that a phase continues from; an empty dictionary if it has not begun."""
        prefix = f"{phase}/"
        return {name.removeprefix(prefix): array for name, array in self._loaded.items() if name.startswith(prefix)}

    def after_step(self, phase, state):
        """Records a phase's state, a function that returns arrays, and saves if it is time to."""
        if self._checkpoint is not None:
            self._states[phase] = state
            self._checkpoint.after_step(self._arrays)

    def forget(self, beginning):
        """Drops the states of phases whose names start with `beginning`, so that these names can be used again."""
        for states in (self._loaded, self._states):
            for name in [name for name in states if name.startswith(beginning)]:
                del states[name]

    def _arrays(self):
        arrays = {FINGERPRINT: np.array(self._fingerprint)} | self._loaded
        for phase, state in self._states.items():
            arrays |= {f"{phase}/{name}": array for name, array in state().items()}
        return arrays


def weights_digest(model, first=b""):
    """Returns a short digest of a model's weights and of the text `first`."""
    digest = hashlib.sha256(first)
    for weight in model.weights:
        digest.update(ops.convert_to_numpy(weight).tobytes())
    return digest.hexdigest()[:16]
