"""What the page on killed runs says: where a kill came, and that a run which ends otherwise is noticed."""

import json

import numpy as np

from experiments.outcomes import differing_files, outcome, phases_in
from tfdrop.progress import Progress


def test_the_phases_are_those_of_the_lines_of_progress(tmp_path):
    log = tmp_path / "log"
    assert phases_in(log) == []
    with open(log, "w") as file:
        print("This run is in /tmp/run: 1/2 of it", file=file)
        for label, unit in (("round 1: training", "steps"), ("Testing", "")):
            with Progress(label, total=2, verbose=2, stream=file, unit=unit) as progress:
                for value in (0.5, 0.25):
                    progress.advance(loss=value)
    assert phases_in(log) == 2 * ["round 1: training"] + 2 * ["Testing"]


def test_what_two_runs_come_to_differs_by_a_bit_but_not_by_their_times(tmp_path):
    found = []
    for name, seconds, score in (("one", 1.0, 1.0), ("same", 2.0, 1.0), ("other", 1.0, np.nextafter(1.0, 2))):
        folder = tmp_path / name
        folder.mkdir()
        np.savez(folder / "influence.npz", influence=np.array([score]))
        (folder / "result.json").write_text(json.dumps({"seconds": seconds, "runs": [{"seed": 0, "seconds": seconds}]}))
        (folder / "metrics.csv").write_text(f"training,loss,seconds,samples_per_second\nround 1,0.5,{seconds},9\n")
        found.append(outcome(folder))
    assert differing_files(found[0], found[1]) == set()
    assert differing_files(found[0], found[2]) == {"influence.npz"}
    (tmp_path / "same" / "records").mkdir()
    assert differing_files(found[0], outcome(tmp_path / "same")) == {"records"}
