from tfdrop.training.log import TrainingLog, read_records


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
