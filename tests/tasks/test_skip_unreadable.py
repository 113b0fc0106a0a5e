"""Image files that cannot be read: all are named, or skipped and listed."""

import numpy as np
import PIL.Image
import pytest

from tfdrop.errors import UserError
from tfdrop.tasks.classification.data import read_data as read_labelled
from tfdrop.tasks.classification.settings import ClassifySettings
from tfdrop.tasks.denoising.data import read_data as read_images
from tfdrop.tasks.denoising.settings import DenoiseSettings


@pytest.fixture
def folder(tmp_path):
    """Two classes of eight images; two more of each are broken, one of them in a sub-folder."""
    rng = np.random.default_rng(0)
    for name in ("ant", "bee"):
        (tmp_path / name / "more").mkdir(parents=True)
        for number in range(8):
            PIL.Image.fromarray(rng.integers(0, 256, (12, 12, 3)).astype("uint8")).save(
                tmp_path / name / f"{number}.png"
            )
        for broken in ("x.png", "more/y.png"):
            (tmp_path / name / broken).write_bytes(b"nothing")
    return tmp_path


BROKEN = ("ant/more/y.png", "ant/x.png", "bee/more/y.png", "bee/x.png")


def labelled(folder, **more):
    return read_labelled(ClassifySettings(dataset=str(folder), validation_samples=[4], batch_size=2, **more))


def images(folder, **more):
    folders = dict.fromkeys(("train_dir", "validation_dir", "test_dir"), str(folder))
    return read_images(DenoiseSettings(data_dir="/", patch_size=8, patches_per_image=1, **folders, **more))


@pytest.mark.parametrize(("read", "flag"), [(labelled, "dataset"), (images, "train_dir")])
def test_all_are_named_or_skipped_and_listed(folder, read, flag):
    with pytest.raises(UserError, match=rf"--{flag}=.*cannot read 4 of 20 images") as error:
        read(folder)
    assert all(file in str(error.value) for file in BROKEN)
    data = read(folder, skip_unreadable=True)
    listed = [note for note in data.notes if note.startswith(f"--{flag}: not read: ")]
    assert [any(f"not read: {file}: " in note for note in listed) for file in BROKEN] == [True] * 4
    assert len(listed) == 4
    if read is images:
        assert [len(part) for part in (data.patch_images, data.validation, data.test)] == [16] * 3
        assert len(data.notes) == 12
    else:
        assert len(data.train[1]) + len(data.validation[1]) + len(data.test[1]) == 16
