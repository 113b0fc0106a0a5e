"""How much damping foretells retrainings best, with each curvature; and influence over segments of the training.

All dampings come from one Krylov space: with `Q T Q^T` the curvature on it, `(C + damping I)^-1 v` is
`|v| Q (T + damping I)^-1 e_1`.

Reference:
    - [Bae et al., 2024](https://arxiv.org/abs/2405.12186), on segments ("SOURCE").
"""

from functools import cached_property, partial
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks import pages
from benchmarks.influence_validity.images import Images, Samples
from benchmarks.replay_validity import lds
from benchmarks.replay_validity.bank import Bank
from benchmarks.replay_validity.setups import AnySetup
from benchmarks.replay_validity.trainings import MOMENTUM
from tfdrop.checkpoint import Pace, replace
from tfdrop.errors import UserError

PRODUCTS = flags.DEFINE_integer("products", 40, "Products with all of the data, of each Krylov space.")
SEGMENTS = flags.DEFINE_integer("segments", 3, "Segments of the training.")
DAMPED_SHARES = flags.DEFINE_list("damped_shares", ["0.02", "0.1"], "Shares of the samples that subsets leave out.")

RELATIVE = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 1.0)  # to the largest eigenvalue
NOT_DEFINITE = "not definite"


def headings(setup: AnySetup) -> list[str]:
    return [f"## {setup.title}: damping"]


def n() -> str:
    return f"{lds.SUBSETS.value} subsets a share; {len(lds.OTHER_SEEDS.value)} other seeds"


def section(setup: AnySetup, images: Images, train: Samples, folder: Path, pace: Pace) -> list[str]:
    """Returns the lines of the part's section; retrainings of before are read from the bank in the folder."""
    if not lds.OTHER_SEEDS.value:
        raise UserError("--other_seeds: dampings are compared on some")
    bank = Bank(folder, setup, train, images.validation, lds.OWN_SEED.value)
    retrained = {float(share): bank.measures(float(share), lds.SUBSETS.value, pace) for share in DAMPED_SHARES.value}
    seeds = [lds.OWN_SEED.value, *map(int, lds.OTHER_SEEDS.value)]
    own, *others = (_kept_effects(setup, train, images.validation, seed, folder) for seed in seeds)
    text = (
        f"{images.name}, {setup.description(train, images.validation)} Scores as in the part before. The damping is a "
        f"multiple of the largest eigenvalue, found with the solve from one Krylov space of {PRODUCTS.value} products "
        "with all of the training data. Absolute: the Hessian with the signs of its negative eigenvalues turned. "
        f"Segments: Gauss-Newton influence over {SEGMENTS.value} equal parts of the training, each with the gradients "
        "and the curvature in its middle, whose steps are followed by matrix exponentials and need no damping (Bae et "
        f'al., 2024). Damping "auto" was {own["auto, hessian"]:.2g} (Hessian) and '
        f"{own['auto, gauss_newton']:.2g} (Gauss-Newton) times the largest eigenvalue on a few hundred samples."
    )
    lines = [*headings(setup), "", text]
    for column, title in enumerate(setup.measures.values()):
        table = _table(own, others, retrained, column)
        lines += ["", f"### {title[0].upper()}{title[1:]}", "", *table]
    return lines


def _table(own, others, retrained, column):
    kinds = ("own seed", "other seeds", f"mean of {len(others)}")
    header = ["influence", *(f"{100 * share:g} %: {kind}" for share in retrained for kind in kinds)]
    rows = []
    for name, effects in own.items():
        if name.startswith("auto"):
            continue
        each = [other[name] for other in others]
        row = [name]
        for share, found in retrained.items():
            if not np.isfinite([effects, *each]).all():
                row += len(kinds) * [NOT_DEFINITE]
                continue
            single = lds.single_score(each, share, found, column)
            row += [lds.score_of_mean([effects], share, found, column), single]
            row.append(lds.score_of_mean(each, share, found, column))
        rows.append(row)
    return pages.table(header, rows)


def _kept_effects(setup, train, validation, seed, folder):
    path = folder / f"damped_seed{seed}_{PRODUCTS.value}_products_{SEGMENTS.value}_segments.npz"
    if not path.exists():
        effects = _effects(setup, train, validation, seed)
        replace(path, lambda unfinished: np.savez(unfinished, **effects))
        print(f"{path.name}: written", flush=True)
    with np.load(path) as kept:
        return dict(kept)


def _effects(setup, train, validation, seed):
    """Returns by name the effects of leaving out each sample, `(n, 2)`, not a number where it is not defined."""
    run = setup.training(train, seed, record=True)
    for _ in run.dispatches():
        pass
    model, names = setup.asked(run), {}
    for curvature in ("hessian", "gauss_newton"):
        asked = [_Question(model, run.loss, train, validation, curvature, each) for each in setup.measures]
        names[f"auto, {curvature}"] = np.array(asked[0].automatic)
        forms = {"Hessian": False, "Absolute": True} if curvature == "hessian" else {"Gauss-Newton": False}
        for form, absolute in forms.items():
            found = np.stack([question.effects(absolute) for question in asked], axis=-1)
            names |= {f"{form}, {relative:g}": found[:, at] for at, relative in enumerate(RELATIVE)}
    # The last questions are of the Gauss-Newton matrix, as segments are.
    segments = [_over_segments(run, question, train, validation) for question in asked]
    return names | {"segments": np.stack(segments, axis=-1)}


class _Question:
    """A measure of a model at its weights, and the Krylov space of its gradient."""

    def __init__(self, model, loss, train, validation, curvature, measure, target=None):
        from tfdrop.influence.computation import Computation
        from tfdrop.influence.problem import Problem

        self.measure = measure
        self.problem = Problem(model, train, loss=loss, curvature=curvature, batch_size=250)
        self.computation = Computation(self.problem, "cg", measure=measure)
        self.automatic = self.computation.damping / self.computation.spectrum.largest
        self.target = self.computation.validation_gradient(validation) if target is None else target

    @cached_property
    def space(self):
        from tfdrop.influence.solvers.spectrum import krylov

        data, product = self.problem.data, self.problem.curvature.product
        return krylov(lambda v: product(v, data.batches()), self.target, PRODUCTS.value)

    def applied(self, function):
        """Returns a function of the curvature times the gradient of the measure."""
        from tfdrop.influence.curvature import norm

        return norm(self.target) * self.space.apply_to_first(function)

    def scores(self, vectors):
        """Returns the effects of leaving out each sample, by each of the vectors, shape `(n, vectors)`."""
        products = self.computation.gradients_times(vectors)
        return products / len(products)

    def effects(self, absolute):
        spectrum = self.space.spectrum()
        vectors, definite = [], []
        for relative in RELATIVE:
            damping = relative * spectrum.largest
            shape = np.abs if absolute else np.asarray
            vectors.append(self.applied(lambda values: 1 / (shape(values) + damping)))  # noqa: B023
            definite.append(absolute or spectrum.smallest + damping > 0)
        return np.where(definite, self.scores(vectors), np.nan)


def _over_segments(run, question, train, validation):
    """Returns the effects of leaving out each sample, `(n,)`, on what a Gauss-Newton question asks after a training."""
    from tfdrop.training.step_function import write_state

    end, rates = run.record.state(run.steps), _rates(run)
    length = run.steps / SEGMENTS.value
    model, measure, target = question.problem.model, question.measure, question.target
    total = 0.0
    for segment in reversed(range(SEGMENTS.value)):
        first, middle, last = (round((segment + part) * length) for part in (0, 0.5, 1))
        time = sum(rates[first:last]) / (1 - MOMENTUM)
        write_state(run.record.state(middle), run.model, run.optimizer)
        part = _Question(model, run.loss, train, validation, "gauss_newton", measure, target)
        inverse = part.applied(partial(_integrated, time=time))
        total = total + part.scores([inverse])[:, 0]
        target = part.applied(partial(_decayed, time=time))
    write_state(end, run.model, run.optimizer)
    return total


def _rates(run):
    """Returns the learning rate of each step."""
    rate = run.optimizer._learning_rate  # a schedule, or a variable
    return [float(rate(step) if callable(rate) else run.optimizer.learning_rate) for step in range(run.steps)]


def _integrated(values, time):
    """Returns the integral of `_decayed` from 0 to a time."""
    return np.where(values == 0, time, -np.expm1(-time * values) / np.where(values == 0, 1, values))


def _decayed(values, time):
    return np.exp(-time * values)
