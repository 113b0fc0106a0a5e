"""Folders of finished classification runs with made-up numbers: what reads them needs no training."""

import dataclasses
import json

import keras
import numpy as np

from tfdrop.environment import machine, versions
from tfdrop.tasks.classification.data import read_data
from tfdrop.tasks.classification.drop_layers import with_usual_values
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.classification.training import kept_network
from tfdrop.tasks.dropped_groups import count_dropped
from tfdrop.tasks.influence_files import ScoredRound, write_influence_tables
from tfdrop.tasks.workdir import RESULT, Workdir
from tfdrop.training.log import TrainingLog

TRAININGS = ("round 1", "round 2", "random drop")
DROPPED = 10


def classification_folder(path, errors, kept_share=None, trained=False, draw=0, **settings):
    """Makes the folder of a run on some digits.

    Args:
        path: The folder.
        errors: By training, the last test error in percent of each seed.
        kept_share: What FocusedDropout kept, for the record of every epoch.
        trained: Whether to save (untrained) networks.
        draw: The number of the draw of influences.
        **settings: Settings.

    Returns:
        The influences of the first seed, and the data.
    """
    seeds = len(errors["round 1"])
    settings = with_usual_values(
        ClassifySettings(**{"train_samples": 120, "validation_samples": [40], "epochs": 3, "seeds": seeds} | settings)
    )
    data = read_data(settings)
    Workdir(path, settings, {"images": data.fingerprint()})
    first, runs = None, []
    for number in range(seeds):
        folder = path / f"seed{number}" if seeds > 1 else path
        folder.mkdir(exist_ok=True)
        scores = np.random.default_rng((number, draw)).normal(size=len(data.samples))
        first = scores if first is None else first
        last = {name: errors[name][number] for name in errors}
        runs.append(_seed(folder, number, last, scores, data, kept_share, settings.rank_by))
        if trained:
            for name in ("round 1", "round 2"):
                network = small_network(data.train[0].shape[1:], len(data.classes))
                network.save(folder / kept_network(name))
                network.save(folder / kept_network(name, 1))
    about = {"backend": "tensorflow", "keras": "3"}
    about["starts"] = [{"time": "2026-11-27T10:00:00+00:00", "machine": machine(), "versions": versions()}]
    result = {"rounds": 2, "classes": len(data.classes), "runs": runs, "seconds_since_last_start": 200.0, **about}
    (path / RESULT).write_text(json.dumps(result))
    return first, data


def small_network(image_shape, classes):
    """Returns a network, not trained, that needs no time."""
    maps = keras.layers.Conv2D(6, 3, activation="relu")
    pool = keras.layers.GlobalAveragePooling2D(name="pool")
    return keras.Sequential([keras.Input(image_shape), maps, pool, keras.layers.Dense(classes)])


def _seed(folder, seed, errors, scores, data, kept_share, rank_by):
    samples = np.arange(len(scores))
    dropped = np.sort(np.argsort(-scores)[:DROPPED])
    columns = {"index": data.samples, "label": data.train[1]}
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(len(data.classes)), len(scores))
    texts = {} if data.files is None else {"file": data.files}
    texts |= {"label": [data.classes[label] for label in data.train[1]]}
    texts |= {"predicted": [data.classes[label] for label in probabilities.argmax(axis=1)]}
    texts |= {"probability": probabilities.max(axis=1)}
    rounds = [ScoredRound(1, samples, scores, dropped)]
    write_influence_tables(folder, columns, texts, rounds, len(scores), rank_by)
    for name, error in errors.items():
        with TrainingLog(folder, name) as log:
            for epoch in (1, 2, 3):
                shares = {} if kept_share is None else {"kept_share": kept_share}
                log.record(epoch, loss=1.0 / epoch, test_error=error + 3.0 - epoch, **shares)
    classes = [data.classes[label] for label in data.train[1]]
    found = {"round": 1, "images": len(scores), "dropped": DROPPED, "drop_weight": 0.0}
    found |= {"dropped_by_class": count_dropped(classes, dropped), "unfavorable": int((scores > 0).sum())}
    if rank_by != "influence":
        del found["unfavorable"]
        found |= {"rank_by": rank_by, "seeds": 1}
    found |= {"curvature": "gauss_newton", "damping": 0.125, "scale": 7.5, "smallest_eigenvalue": 0.0}
    found |= {"largest_eigenvalue": 30.0, "residual": 0.0625, "converged": False}
    trainings = [
        {"name": name, "images": 120 - DROPPED * (name != "round 1"), **_both({"epoch": 3, "test_error": error})}
        for name, error in errors.items()
    ]
    seconds = {"round 1": {"training": 61.25, "influence": 9.0}, "round 2": {"training": 59.5}}
    return {"seed": seed, "trainings": trainings, "influence": [found], "seconds": seconds, "while_dropping": []}


def _both(errors):
    return {"last": errors, "best": errors}


def add_test_rates(path, kind, rates, errors):
    """Adds to a run's folder what testing while dropping found: errors of shape `(seeds, rates)`."""
    result = json.loads((path / RESULT).read_text())
    for run, found in zip(result["runs"], errors, strict=True):
        run["while_dropping"] = [{"rate": rate, "test_error": error} for rate, error in zip(rates, found, strict=True)]
    (path / RESULT).write_text(json.dumps(result))
    settings = json.loads((path / "settings.json").read_text())
    (path / "settings.json").write_text(json.dumps(settings | {"test_drop": kind, "test_rates": list(rates)}))


def settings_of(path):
    """Returns the settings in a folder as they were written."""
    fields = {field.name for field in dataclasses.fields(ClassifySettings)}
    return {name: value for name, value in json.loads((path / "settings.json").read_text()).items() if name in fields}
