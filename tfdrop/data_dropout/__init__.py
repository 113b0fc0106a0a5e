"""Data dropout: which training samples to drop, and training again without them (the paper's Algorithm).

def train_model(train, round):
    model = build()                      # from scratch in every round
    model.fit(*train, ...)
    return model

rounds = train_rounds(train_model, (x, y), (x_validation, y_validation))
rounds[-1].model
"""

from tfdrop.data_dropout.caps import CapChoice, choose_cap
from tfdrop.data_dropout.controls import Controls, control_samples
from tfdrop.data_dropout.criterion import Criterion
from tfdrop.data_dropout.rounds import NothingLeftError, Round, train_rounds

__all__ = [
    "CapChoice",
    "Controls",
    "Criterion",
    "NothingLeftError",
    "Round",
    "choose_cap",
    "control_samples",
    "train_rounds",
]
