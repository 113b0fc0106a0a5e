"""He et al.'s recipe for ResNet-20 on CIFAR-10 in PyTorch: a learning curve to compare with that of `train.classify`.

    python -m benchmarks.training.resnet20_pytorch --data_dir=DIR --epochs=5

Only the reading of the images and the split into 45,000 and 5,000 are tfdrop's. The network (shortcut A), the
initialization, the augmentation and the loop are PyTorch's or written out here. The same recipe with tfdrop:

    python -m train.classify --dataset=cifar10 --data_dir=DIR --model=resnet20 --activation=relu --drop=none \\
        --augment=crop --augment_from_round=1 --epochs=182 --batch_size=128 --learning_rate=0.1 \\
        --learning_rate_drops=91,136 --weight_decay=1e-4 --rounds=1 --nocontrols
"""

import time

import numpy as np
import torch
from absl import flags
from torch.nn import functional

from benchmarks.training.residual_pytorch import resnet20
from tfdrop.data.sets.named import load_image_set
from tfdrop.data.sets.splits import split_for_validation
from tfdrop.errors import blaming
from train.program import run

DATASET = flags.DEFINE_string("dataset", "cifar10", "Image set of colour images.")
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the prepared image set.")
EPOCHS = flags.DEFINE_integer("epochs", 5, "Epochs, all before the learning rate first falls.")
SEED = flags.DEFINE_integer("seed", 0, "Seed.")


def augmented(images, rng):
    """Returns crops of the images padded by 4 zeros, half of them flipped."""
    height, width = images.shape[2:]
    padded = functional.pad(images, (4, 4, 4, 4))
    crops = []
    for image, (top, left), flip in zip(
        padded, rng.integers(0, 9, (len(images), 2)), rng.random(len(images)) < 0.5, strict=True
    ):
        crop = image[:, top : top + height, left : left + width]
        crops.append(crop.flip(2) if flip else crop)
    return torch.stack(crops)


def test_error(network, images, labels):
    network.eval()
    with torch.no_grad():
        guesses = torch.cat([network(part).argmax(1) for part in images.split(500)])
    network.train()
    return float((guesses != labels).float().mean())


def main():
    torch.manual_seed(SEED.value)
    rng = np.random.default_rng(SEED.value)
    with blaming("data_dir", DATA_DIR.value):
        split = split_for_validation(load_image_set(DATASET.value, DATA_DIR.value))
    mean = split.train[0].mean((0, 1, 2))
    deviation = split.train[0].std((0, 1, 2))
    (x, y), (x_test, y_test) = [
        (torch.tensor((x - mean) / deviation, dtype=torch.float32).permute(0, 3, 1, 2), torch.tensor(y).long())
        for x, y in (split.train, split.test)
    ]
    network = resnet20()
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    for epoch in range(1, EPOCHS.value + 1):
        start, losses = time.monotonic(), []
        for batch in torch.from_numpy(rng.permutation(len(y))).split(128):
            loss = functional.cross_entropy(network(augmented(x[batch], rng)), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        error = test_error(network, x_test, y_test)
        seconds = time.monotonic() - start
        print(f"epoch {epoch}: loss {np.mean(losses):.4f}, test error {100 * error:.2f} %, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    run(main)
