"""A classification run: rounds of training with data dropout between them, controls, over seeds, then the report."""

import contextlib
import json

import keras

from tfdrop.checkpoint import replace
from tfdrop.classifier import FILE, make_classifier, save_classifier
from tfdrop.environment import accelerators
from tfdrop.errors import UserError, blaming
from tfdrop.tasks.arm import round_name
from tfdrop.tasks.classification.artifacts import write_image_influence, write_preprocessing
from tfdrop.tasks.classification.networks import augments, drops, plain_network, training_network
from tfdrop.tasks.classification.removal_curve import curve_arms, draw_curve
from tfdrop.tasks.classification.report import MEASURE, classification_report, last_errors
from tfdrop.tasks.classification.task import ClassificationTask
from tfdrop.tasks.classification.training import probabilities
from tfdrop.tasks.classification.while_dropping import errors_while_dropping
from tfdrop.tasks.dropped_groups import count_dropped
from tfdrop.tasks.influence_files import scored_rounds
from tfdrop.tasks.lock import locked
from tfdrop.tasks.rounds import OF_A_RUNNING_ONE, run_rounds, score_seeds
from tfdrop.tasks.settings import ONE_DEVICE
from tfdrop.tasks.shown_result import show_result
from tfdrop.tasks.starts import about_starts, noted_start
from tfdrop.tasks.workdir import REPORT, RESULT
from tfdrop.training.events import EVENTS

PREPROCESSING = "preprocessing.npz"
RUN = "run.json"  # one seed's part of the result, until all are done


def check(settings, data):
    """Raises a `UserError` if there is no such network, or none for these images, or it has no place to drop at."""
    if settings.jit == "off" and keras.backend.backend() == "jax":
        raise UserError("--jit=off: JAX always compiles")
    on_tensorflow = keras.backend.backend() == "tensorflow"
    if on_tensorflow and settings.jit == "on" and settings.distribute != ONE_DEVICE and not accelerators():
        raise UserError(f"--jit=on: not with --distribute={settings.distribute} on CPUs, which cannot compile its sums")
    shape, classes = data.train[0].shape[1:], len(data.classes)
    with blaming("model", settings.model):
        plain_network(settings, shape, classes)
    with blaming("placement", settings.placement):
        training_network(settings, shape, classes, 1, steps=1)


def run(settings, data, workdir, about, pace=None, only=None):
    """Does what the settings ask for and prints the report; a finished run's report is printed again.

    Args:
        settings: `ClassifySettings`.
        data: `ClassifyData`.
        workdir: `Workdir`.
        about: Dictionary that goes into the result as it is: what the recipe says, if there is one.
        pace: A `tfdrop.checkpoint.Pace`: when to save and when to stop.
        only: Seeds of a slice: these alone are run then, or, of a run from one seed, replayed; nothing is reported.

    Raises:
        OutOfTime: If the pace says so; everything is saved.
        UserError: If another process is at work on a seed.
    """
    if only is not None:
        if only and not workdir.exists(RESULT):
            with noted_start(workdir, f"_from_seed{only[0]}"):
                if settings.seeds == 1:
                    score_seeds(ClassificationTask(settings, data), settings, workdir.path, only, pace)
                else:
                    _finished_runs(settings, data, workdir, only, pace)
        return
    if not workdir.exists(RESULT):
        for note in data.notes:
            print(note)
        seeds = range(settings.seed, settings.seed + settings.seeds)
        with noted_start(workdir):
            task, runs = _finished_runs(settings, data, workdir, seeds, pace)
            workdir.write(PREPROCESSING, lambda path: write_preprocessing(path, task.preprocessing, data))
        workdir.remove(REPORT)  # of a result that is no more
        result = {
            **about,
            "rounds": settings.rounds,
            "classes": len(data.classes),
            **({"curve": settings.curve} if settings.curve else {}),
            "runs": runs,
            "seeds": list(seeds),
            "notes": list(data.notes),
            **about_starts(workdir),
        }
        if settings.curve:
            draw_curve(workdir.path, last_errors(result), settings.curve, MEASURE, settings.rank_by.replace("_", " "))
        workdir.write_json(RESULT, result)
        workdir.remove(RUN, *OF_A_RUNNING_ONE)
    show_result(workdir, classification_report, data)


def _finished_runs(settings, data, workdir, seeds, pace):
    """Returns the task, and the results of its runs from some seeds; each of several has a folder with a lock."""
    task, runs = ClassificationTask(settings, data), []
    for seed in seeds:
        several = settings.seeds > 1
        folder = workdir.path / f"seed{seed}" if several else workdir.path
        with locked(folder) if several else contextlib.nullcontext():
            runs.append(_finished_run(task.of_seed(seed), data, folder, pace))
    return task, runs


def _finished_run(task, data, folder, pace):
    """Returns the result of one seed's run, of which an earlier start may have done some or all."""
    finished = folder / RUN
    if not finished.exists():
        (folder / EVENTS).mkdir(parents=True, exist_ok=True)
        result = _run(task, data, folder, pace)
        replace(finished, lambda path: path.write_text(json.dumps(result, indent=1) + "\n"))
    return json.loads(finished.read_text())


def _run(task, data, folder, pace):
    """Trains the rounds and the controls of one seed; returns its part of the result."""
    settings = task.settings
    differ = any(acts(settings, 1) != acts(settings, settings.rounds) for acts in (augments, drops))
    found = run_rounds(task, settings, folder, differ, pace, curve_arms(settings, task.samples))
    results, choice = found.results, found.choice
    scored = scored_rounds(found.done, found.arms)
    if scored:
        network = found.network(round_name(scored[0].number))
        answers = probabilities(settings, network, task.data.train[0])
        write_image_influence(folder, scored, data, answers, found.done.ranking(found.arms[0]) or settings.rank_by)
    classes = [data.classes[label] for label in data.train[1]]
    last = found.network(round_name(settings.rounds))
    shape = data.train[0].shape[1:]
    classifier = make_classifier(last, task.preprocessing, data.classes, shape, settings.crop_size)
    replace(folder / FILE, lambda path: save_classifier(path, classifier))
    return {
        "seed": settings.seed,
        "trainings": [
            {"name": name} | {key: result[key] for key in ("images", "last", "best")}
            for name, result in results.items()
        ],
        "influence": [
            {"round": round.number, "images": len(round.samples), "dropped": len(round.dropped)}
            | {"drop_weight": settings.drop_weight, "dropped_by_class": count_dropped(classes, round.dropped)}
            | results[round_name(round.number)]["influence"]
            for round in scored
        ],
        "seconds": found.seconds,
        **({} if choice is None else {"choice": choice | _about_choice(settings, task.data)}),
        "while_dropping": errors_while_dropping(settings, last, task.data),
    }


def _about_choice(settings, data):
    return {"images": len(data.held_out[1]), "measure": settings.trial_measure}
