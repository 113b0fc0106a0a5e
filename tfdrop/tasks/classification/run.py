"""A classification run: rounds of training with data dropout between them, controls, over seeds, then the report."""

import dataclasses
import itertools
import json
import time

import keras

from tfdrop.checkpoint import replace
from tfdrop.data.samples import select
from tfdrop.data_dropout import Criterion, NothingLeftError, control_samples, train_rounds
from tfdrop.errors import UserError, blaming
from tfdrop.tasks.classification.artifacts import write_influence, write_preprocessing
from tfdrop.tasks.classification.data import preprocessed
from tfdrop.tasks.classification.networks import augments, drops, plain_network, training_network
from tfdrop.tasks.classification.report import classification_report
from tfdrop.tasks.classification.training import classifier_influence, train_classifier
from tfdrop.tasks.classification.while_dropping import errors_while_dropping
from tfdrop.tasks.workdir import RESULT
from tfdrop.training.log import EVENTS, read_records
from tfdrop.training.resumable import CHECKPOINT

RUN = "run.json"  # one seed's part of the result, until all are done
FULL, RANDOM = "full set", "random drop"


def check(settings, data):
    """Raises a `UserError` if there is no such network, or none for these images, or it has no place to drop at."""
    if settings.jit == "off" and keras.backend.backend() == "jax":
        raise UserError("--jit=off: JAX always compiles")
    shape, classes = data.train[0].shape[1:], len(data.classes)
    with blaming("model", settings.model):
        plain_network(settings, shape, classes)
    with blaming("placement", settings.placement):
        training_network(settings, shape, classes, 1, steps=1)


def run(settings, data, workdir, about):
    """Does what the settings ask for and prints the report; a finished run's report is printed again.

    Args:
        settings: `ClassifySettings`.
        data: `ClassifyData`.
        workdir: `Workdir`.
        about: Dictionary that goes into the result as it is: what the recipe says, if there is one.
    """
    if not workdir.exists(RESULT):
        start = time.monotonic()
        pixels = data.train[0]
        data, preprocessing = preprocessed(settings, data)
        workdir.write("preprocessing.npz", lambda path: write_preprocessing(path, preprocessing))
        runs = []
        for seed in range(settings.seed, settings.seed + settings.seeds):
            folder = workdir.path / f"seed{seed}" if settings.seeds > 1 else workdir.path
            runs.append(_finished_run(dataclasses.replace(settings, seed=seed), data, pixels, folder))
        workdir.write_json(
            RESULT,
            {
                **about,
                "rounds": settings.rounds,
                "classes": len(data.classes),
                "runs": runs,
                "seconds_since_last_start": round(time.monotonic() - start, 1),
                "backend": keras.backend.backend(),
                "keras": keras.__version__,
            },
        )
        for part in [*workdir.path.glob(RUN), *workdir.path.glob(f"*/{RUN}")]:
            part.unlink()
    print(classification_report(workdir.read_json(RESULT)))
    print(f"\nEverything is in {workdir.path}")


def _finished_run(settings, data, pixels, folder):
    """Returns the result of one seed's run, of which an earlier start may have done some or all."""
    finished = folder / RUN
    if not finished.exists():
        (folder / EVENTS).mkdir(parents=True, exist_ok=True)
        result = _run(settings, data, pixels, folder)
        replace(finished, lambda path: path.write_text(json.dumps(result, indent=1) + "\n"))
        for checkpoint in folder.glob("influence_round*.npz"):
            checkpoint.unlink()  # all of it is in influence.npz
    return json.loads(finished.read_text())


def _run(settings, data, pixels, folder):
    """Trains the rounds and the controls of one seed; returns its part of the result."""
    influences = itertools.count(1)

    def train(arrays, round, name=None):
        return _train(settings, data, arrays, name or f"round {round}", round, folder)

    def influence(plain, arrays, validation):
        checkpoint = folder / f"influence_round{next(influences)}.npz"
        return classifier_influence(settings, plain, arrays, validation, checkpoint, f"{len(arrays[1])} images")

    try:
        rounds = train_rounds(
            train,
            data.train,
            data.validation,
            rounds=settings.rounds,
            criterion=_criterion(settings),
            influence=influence,
            count_last=settings.count_last,
        )
    except NothingLeftError as error:
        raise UserError(f"--max_drop={settings.max_drop}: {error}") from error
    trainings = [_summary(f"round {round.number}", len(round.samples), folder) for round in rounds]
    for name, samples in _controls(settings, rounds).items():
        train(select(data.train, samples), settings.rounds, name)
        trainings.append(_summary(name, len(samples), folder))
    if any(round.influence is not None for round in rounds):
        write_influence(folder, rounds, data, pixels)
    return {
        "seed": settings.seed,
        "trainings": trainings,
        "influence": [_influence_summary(round) for round in rounds if round.influence is not None],
        "while_dropping": errors_while_dropping(settings, rounds[-1].model, data),
    }


def _train(settings, data, arrays, name, round, folder):
    """Trains one network, or loads it where an earlier start of this run has finished it."""
    finished = folder / f"{name.replace(' ', '_')}.keras"
    if finished.exists():
        print(f"{name}: going on from {finished}")
        return keras.saving.load_model(finished, compile=False)
    plain = train_classifier(settings, data, arrays, name, round, folder)
    replace(finished, plain.save)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return plain


def _criterion(settings):
    """Returns the paper's criterion, capped where the settings say so."""
    if settings.max_drop == 1:
        return Criterion()
    return Criterion(cap=settings.max_drop if settings.max_drop < 1 else int(settings.max_drop))


def _controls(settings, rounds):
    """Returns the samples of the controls that tell something new, by name."""
    last = settings.rounds
    controls = {}
    if settings.controls and last > 1:
        samples, kept = len(rounds[0].samples), len(rounds[-1].samples)
        chosen = control_samples(samples, kept, settings.seed)
        # Where nothing changes with the rounds, the first one is that control.
        if any(acts(settings, 1) != acts(settings, last) for acts in (augments, drops)):
            controls[FULL] = chosen.full
        if kept < samples:
            controls[RANDOM] = chosen.random
    return controls


def _summary(name, samples, folder):
    """Returns a training's part of the result: its test errors after the last epoch, and after the best."""
    records = read_records(folder, name)
    best = min(records, key=lambda record: record["test_error"])
    return {"name": name, "images": samples, "last": _errors(records[-1]), "best": _errors(best)}


def _errors(record):
    errors = {key: record[key] for key in ("test_error", "test_top5_error") if key in record}
    return {"epoch": int(record["epoch"]), **errors}


def _influence_summary(round):
    influence = round.influence
    return {
        "round": round.number,
        "images": len(round.samples),
        "unfavorable": round.unfavorable,
        "dropped": len(round.dropped),
        "curvature": influence.curvature,
        "damping": influence.damping,
        "smallest_eigenvalue": influence.spectrum.smallest,
        "largest_eigenvalue": influence.spectrum.largest,
        "residual": influence.residual,
        "converged": influence.converged,
    }
