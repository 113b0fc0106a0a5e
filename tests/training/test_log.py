import PIL.Image
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tfdrop.training.events import EVENTS, write_pictures
from tfdrop.training.log import TrainingLog, read_records
from tfdrop.whole_files import DamageError


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


def test_tensorboard_takes_back_the_epochs_that_a_kill_undid(tmp_path):
    (tmp_path / EVENTS).mkdir()
    for first, losses in ((1, [5.0, 4.0, 3.0]), (2, [4.5, 3.5]), (3, [3.25])):  # the last two starts begin again there
        with TrainingLog(tmp_path, "round 1", first) as log:
            for epoch, loss in enumerate(losses, start=first):
                log.record(epoch, loss=loss)
    events = EventAccumulator(str(tmp_path / EVENTS / "round_1"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 5.0), (2, 4.5), (3, 3.25)]
    assert [(record["epoch"], record["loss"]) for record in read_records(tmp_path, "round 1")] == [
        (1, 5.0),
        (2, 4.5),
        (3, 3.25),
    ]


def test_tensorboard_shows_the_pictures_of_the_last_start(tmp_path):
    pictures = {}
    for name, size in (("unfavorable", (7, 3)), ("influence", (4, 9))):
        pictures[name] = size
        PIL.Image.new("RGB", size, (200, 30, 5)).save(tmp_path / f"{name}.png")
    paths = [tmp_path / f"{name}.png" for name in pictures]
    write_pictures(tmp_path, "influence", paths)
    assert not (tmp_path / EVENTS).exists()
    (tmp_path / EVENTS).mkdir()
    for _ in range(2):
        write_pictures(tmp_path, "influence", paths)
    events = EventAccumulator(str(tmp_path / EVENTS / "influence"))
    events.Reload()
    assert sorted(events.Tags()["images"]) == sorted(pictures)
    for name, (width, height) in pictures.items():
        [image] = events.Images(name)
        assert (image.width, image.height) == (width, height)
        assert image.encoded_image_string == (tmp_path / f"{name}.png").read_bytes()


@pytest.mark.parametrize("text", ["training,epoch,loss\nround 1,1", "epoch\n\0", "training,epoch\nround 1,x\n"])
def test_damaged_metrics_are_named(tmp_path, text):
    (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(DamageError, match=r"metrics\.csv is damaged"):
        read_records(tmp_path, "round 1")
