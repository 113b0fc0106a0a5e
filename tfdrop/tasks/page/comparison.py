"""The section of a page that holds several runs side by side."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from tfdrop import plots
from tfdrop.overlap import Overlap, overlap
from tfdrop.tasks.arm import round_name
from tfdrop.tasks.page import classification, denoising
from tfdrop.tasks.page.numbers import count_text, mean_text
from tfdrop.tasks.page.parts import Picture, Section, Table, drawn
from tfdrop.tasks.run_folder import RunFolder

NOT_COMPARED = ("workdir", "data_dir", "download", "jit")


def comparison_section(runs: Sequence[RunFolder]) -> Section:
    """Returns the section about several runs: their results, in which settings they differ, what they both find."""
    tables = []
    for classifies, what in ((True, "Test error (%)"), (False, "Average PSNR (dB)")):
        alike = [run for run in runs if run.classifies == classifies]
        if alike:
            tables += [_results_table(alike, what), *_settings_table(alike)]
    shared = shared_unfavorable(runs)
    tables += [_overlap_table(shared)] if shared else []
    return Section("The runs side by side", tables=tables, pictures=_overlap_picture(runs, shared))


def measured(run: RunFolder) -> tuple[dict[str, list[float]], int]:
    """Returns what a run measured of each training, seed by seed, and with how many digits it is printed."""
    if run.classifies:
        return classification.error_rates(run), 2
    return denoising.psnr_averages(run), 3


def _results_table(runs, what):
    found = [measured(run) for run in runs]
    names = list(dict.fromkeys(name for values, _ in found for name in values))
    rows = []
    for run, (values, digits) in zip(runs, found, strict=True):
        means = [mean_text(values[name], digits) if name in values else "" for name in names]
        rows.append([run.name, *means, str(len(run.seeds))])
    return Table(f"{what}, with the 95 % interval where there are several seeds", ["run", *names, "seeds"], rows)


def _settings_table(runs):
    """Returns the table of the settings that differ in a list; an empty one where none do."""
    names = [name for name in vars(runs[0].settings) if name not in NOT_COMPARED]
    rows = [[name, *(_text(getattr(run.settings, name)) for run in runs)] for name in names]
    rows = [row for row in rows if len(set(row[1:])) > 1]
    return [Table("Settings that differ", ["setting", *(run.name for run in runs)], rows)] if rows else []


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def shared_unfavorable(runs: Sequence[RunFolder]) -> list[tuple[str, Overlap]]:
    """Returns what each pair of runs shares of unfavorable samples, where they were trained on the same.

    Of runs with several seeds the first one's network is taken.
    """
    scored = [(run.name, table) for run in runs if (table := run.seeds[0].influence())]
    return [
        (
            f"{one} and {other}",
            overlap(first["influence"] > 0, second["influence"] > 0),
        )
        for (one, first), (other, second) in combinations(scored, 2)
        if same_samples(first, second)
    ]


def same_samples(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> bool:
    """Tells whether two tables are of the same samples: the same labels, or the same places in the same images."""
    columns = [name for name in ("index", "label", "image", "top", "left") if name in first]
    return all(name in second and np.array_equal(first[name], second[name]) for name in columns)


def _overlap_table(shared):
    rows = [
        [
            name,
            *map(count_text, found.sizes),
            count_text(found.shared),
            f"{found.expected:.1f} [{found.low}, {found.high}]",
        ]
        for name, found in shared
    ]
    return Table(
        "Unfavorable samples that networks share, beside what chance gives with its 95 % interval",
        ["runs", "of the first", "of the second", "shared", "by chance"],
        rows,
    )


def _overlap_picture(runs: Sequence[RunFolder], shared: Sequence[tuple[str, Overlap]]) -> list[Picture]:
    scored = [(run, table) for run in runs if (table := run.seeds[0].influence())]
    if not shared:
        return []
    values = [np.mean(measured(run)[0][round_name(1)]) for run, _ in scored]
    shares = [np.mean(table["influence"] > 0) for _, table in scored]
    names = [run.name for run, _ in scored]
    measure = "test error of round 1 (%)" if scored[0][0].classifies else "average PSNR of round 1 (dB)"
    alt = "Shared unfavorable samples: " + "; ".join(
        f"{name} {found.shared}, by chance {found.expected:.0f}" for name, found in shared
    )
    return [drawn(plots.overlaps, shared, names, values, shares, measure, alt=alt)]
