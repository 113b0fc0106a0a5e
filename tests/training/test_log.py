from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tfdrop.training.log import EVENTS, TrainingLog, read_records


def test_records_of_trainings_that_have_other_numbers(tmp_path):
    with TrainingLog(tmp_path, "round 1") as log:
        log.record(1, loss=0.1 + 0.2, kept_share=0.5)
        log.record(2, loss=2.0, kept_share=0.25)
    with TrainingLog(tmp_path, "round 2") as log:
        log.record(1, loss=3.0)
        assert log.records() == [{"epoch": 1, "loss": 3.0}]
    assert read_records(tmp_path, "round 1") == [
        {"epoch": 1, "loss": 0.1 + 0.2, "kept_share": 0.5},
        {"epoch": 2, "loss": 2.0, "kept_share": 0.25},
    ]
    assert read_records(tmp_path, "round 2") == [{"epoch": 1, "loss": 3.0}]
    with TrainingLog(tmp_path, "round 1", first_epoch=2) as log:
        assert [record["epoch"] for record in log.records()] == [1]
    assert read_records(tmp_path / "none", "round 1") == []


def test_tensorboard_reads_the_numbers_back_at_their_epochs(tmp_path):
    (tmp_path / EVENTS).mkdir()
    with TrainingLog(tmp_path, "round 1") as log:
        log.record(1, loss=2.5, seconds=4.0)
        log.record(2, loss=1.25, seconds=3.0)
    events = EventAccumulator(str(tmp_path / EVENTS / "round_1"))
    events.Reload()
    assert sorted(events.Tags()["scalars"]) == ["loss", "seconds"]
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 2.5), (2, 1.25)]
