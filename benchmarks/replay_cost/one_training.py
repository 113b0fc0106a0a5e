"""One recorded training and its replay: prints their times and memory as a line of JSON.

python -m benchmarks.replay_cost.one_training cnn 8 1024
"""

import json
import sys
import tempfile
import time

import numpy as np

from benchmarks.measuring import peak_memory, restart_peak_memory

NETWORKS = {"cnn": "CNN, GELU", "resnet8": "ResNet-8", "resnet20": "ResNet-20"}
SAMPLES, BATCH_SIZE = 400, 20
MIB = 2**20


def main(network: str, epochs: int, memory: str) -> dict[str, object]:
    """Trains and walks back.

    Args:
        network: One of `NETWORKS`.
        epochs: Epochs of 20 steps.
        memory: MiB that the record may take, or "folder".
    """
    import keras

    from tfdrop.influence import replay_influence
    from tfdrop.training import Training

    rng = np.random.default_rng(0)
    x = rng.normal(size=(SAMPLES + 100, 16, 16, 3)).astype("float32")
    y = rng.integers(0, 10, len(x))
    keras.utils.set_random_seed(0)
    model = _network(network, x.shape[1:])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    train, optimizer = (x[:SAMPLES], y[:SAMPLES]), keras.optimizers.SGD(0.01, momentum=0.9)
    with tempfile.TemporaryDirectory() as folder:
        settings = {"record": folder} if memory == "folder" else {"record": True, "memory": int(memory) * MIB}
        before = restart_peak_memory()
        try:
            training = Training(model, optimizer, loss, train, BATCH_SIZE, epochs, **settings)
        except ValueError as error:
            return {"refused": str(error), "steps": str(epochs * SAMPLES // BATCH_SIZE)}
        training.backward()
        steps = training.dispatches()
        next(steps)  # what is compiled is not what is compared
        recorded = _timed(lambda: sum(len(losses) for losses in steps))
        found = {}
        replayed = _timed(lambda: found.update(vars(replay_influence(training, (x[SAMPLES:], y[SAMPLES:]), verbose=0))))
        return {
            "weights": model.count_params(),
            "steps": training.steps,
            "kept": len(training.record.steps),
            "recomputed": found["recomputed"],
            "kept_mib": len(training.record.steps) * training.record.state_bytes / MIB,
            "peak_mib": peak_memory() - before,
            "training": recorded,
            "replay": replayed,
        }


def _network(name, shape):
    import tfdrop
    from benchmarks.replay_validity.trainings import small_cnn

    return small_cnn(shape, "gelu") if name == "cnn" else tfdrop.models.build(name, shape, 10)


def _timed(function):
    start = time.process_time()
    function()
    return time.process_time() - start


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
