import numpy as np
import pytest

from tfdrop.checkpoint import Checkpoint, CheckpointError, OutOfTime, Pace


def test_saves_at_its_pace_and_comes_back(tmp_path):
    checkpoint = Checkpoint(tmp_path / "a.npz", "key", Pace(seconds=0))
    assert checkpoint.load() == {}
    checkpoint.after_step(lambda: {"x": np.arange(3), "y": 2.5})
    loaded = Checkpoint(tmp_path / "a.npz", "key").load()
    assert loaded["x"].tolist() == [0, 1, 2]
    assert float(loaded["y"]) == 2.5
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_nothing_is_saved_before_it_is_time(tmp_path):
    checkpoint = Checkpoint(tmp_path / "a.npz", "key", Pace(seconds=100))
    checkpoint.after_step(lambda: pytest.fail("saved"))


def test_another_key_or_a_damaged_file_is_refused(tmp_path):
    Checkpoint(tmp_path / "a.npz", "key", Pace(seconds=0)).after_step(lambda: {"x": np.arange(999)})
    with pytest.raises(CheckpointError, match="belongs to another"):
        Checkpoint(tmp_path / "a.npz", "other").load()
    whole = (tmp_path / "a.npz").read_bytes()
    for damaged in (whole[:500], b"", b"text"):
        (tmp_path / "a.npz").write_bytes(damaged)
        with pytest.raises(CheckpointError, match="is damaged"):
            Checkpoint(tmp_path / "a.npz", "key").load()


@pytest.mark.parametrize(("save_time", "most_steps"), [(0.0, 9), (1.5, 7)])
def test_stops_before_the_deadline(save_time, most_steps):
    """Steps of 1 second and 10 seconds in all: no step is begun that, half as long again, would not fit in."""
    now = 0.0
    pace = Pace(seconds=3, deadline=10, clock=lambda: now)
    saves = []

    def save():
        nonlocal now
        now += save_time
        saves.append(now)

    steps, stopped = 0, False
    while not stopped:
        now += 1
        steps += 1
        try:
            pace.after_step(save)
        except OutOfTime:
            stopped = True
    assert now <= 10
    assert saves[-1] == now
    assert 4 <= steps <= most_steps
