"""What the results page says of the experiments of which nothing was run: one short list."""


def not_run_lines(experiments):
    """Returns the lines of the list: what each experiment is, and which arms are missing in which experiments."""
    lines = [
        "## Not run",
        "",
        "Nothing of these experiments was run. Each runs with `python -m experiments.run --name=NAME --data_dir=DIR`. "
        "Minutes are estimates for each seed. `python -m train.classify --list_recipes` prints the papers' numbers.",
        "",
    ]
    for experiment in experiments:
        lines += [f"### {experiment.name}", _summary(experiment)]
    lines += ["", "Their arms:", "", "| arms | | experiments |", "|---|---|---|"]
    for names, arms in _arms_by_experiments(experiments).items():
        lines.append(f"| {'; '.join(arms)} | not run | {', '.join(names)} |")
    return lines


def _summary(experiment):
    return f"{experiment.about} {_counted(experiment.seeds, 'seed')}, {experiment.minutes:g} minutes."


def _counted(things, name):
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _arms_by_experiments(experiments):
    """Returns the names of the arms that the same experiments have, by those experiments' names."""
    experiments_of: dict[str, list[str]] = {}
    for experiment in experiments:
        for arm in experiment.arms:
            experiments_of.setdefault(arm.name, []).append(experiment.name)
    arms: dict[tuple[str, ...], list[str]] = {}
    for arm, names in experiments_of.items():
        arms.setdefault(tuple(names), []).append(arm)
    return arms
