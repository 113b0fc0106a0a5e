import drop_models
import keras
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import tfdrop


def test_rates_show_in_the_history_and_in_tensorboard(tmp_path):
    model = drop_models.build("functional", drop_models.scheduled_layers())
    x, y = drop_models.images()
    history = model.fit(
        x,
        y,
        batch_size=6,
        epochs=2,
        verbose=0,
        callbacks=[tfdrop.layers.RateLogger(), keras.callbacks.TensorBoard(tmp_path)],
    ).history
    # Four steps an epoch, on the way from 0.05 to 0.2 in six.
    assert history["drop_0/rate"] == pytest.approx([0.15, 0.2])
    assert history["drop_3_participation/rate"] == pytest.approx([0.55, 0.9])
    assert 0 < history["drop_3/kept_share"][-1] <= 1
    assert history["drop_0/rate"][-1] == pytest.approx(model.get_layer("drop_0").rate)
    events = EventAccumulator(str(tmp_path / "train"))
    events.Reload()
    assert "epoch_drop_0/rate" in events.Tags()["tensors"]
