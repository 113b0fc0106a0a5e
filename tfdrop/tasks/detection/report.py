"""The table at the end of a detection run, made from its `result.json` alone."""

HEADER = ("", "11 points", "area")


def detection_report(result):
    """Returns the text: average precision by class, its means, and the paper's number."""
    lines = [f"{result['train_images']} images to train on, {result['test_images']} to test on"]
    if result["unreadable"]:
        count = len(result["unreadable"])
        lines.append(f"{count} that cannot be read left out: {'; '.join(result['unreadable'])}")
    rows = [(name, *map(_percent, values)) for name, values in result["average_precision"].items()]
    rows.append(("mean (mAP)", *(_percent(result["map"][name]) for name in ("eleven_points", "area"))))
    width = max(len(row[0]) for row in rows)
    lines += ["", "Average precision, %"]
    lines += [f"{row[0].ljust(width)}  {row[1].rjust(9)}  {row[2].rjust(6)}".rstrip() for row in (HEADER, *rows)]
    if "recipe" in result:
        recipe = result["recipe"]
        overridden = f"; here with {' '.join(recipe['overridden'])}" if recipe["overridden"] else ""
        lines += [
            "",
            f"The paper ({recipe['source']}): {recipe['text']}, by which of the two it does not say{overridden}",
        ]
    return "\n".join(lines)


def _percent(share):
    return "-" if share is None else f"{100 * share:.2f}"
