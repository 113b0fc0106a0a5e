"""
Title: Denoise a photograph
Description: Train a small DnCNN on a few photographs and remove the noise of another one.

The photographs come with scikit-image. Takes about a minute on two CPU cores:

    python examples/denoise_a_photograph.py --output=denoised.png
"""

import argparse

import keras
import numpy as np
import skimage

from tfdrop import denoising, metrics, models, plots

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--patches", type=int, default=2400, help="number of training patches")
parser.add_argument("--epochs", type=int, default=6, help="epochs of the training")
parser.add_argument("--output", default="", help="PNG file to write: noisy, denoised, clean")
options = parser.parse_args()

"""
## The data

Grey images with pixels in [0, 1]. Sigma, the standard deviation of the noise, is given for pixels from 0 to 255, as is
usual in the field.
"""

SIGMA = 25
PATCH_SIZE = 24
rng = np.random.default_rng(0)


def add_noise(clean):
    return (clean + rng.normal(0, SIGMA / 255, clean.shape)).astype("float32")


def random_patch(photograph):
    top, left = (rng.integers(length - PATCH_SIZE + 1) for length in photograph.shape)
    return photograph[top : top + PATCH_SIZE, left : left + PATCH_SIZE]


photographs = [
    skimage.util.img_as_float32(skimage.data.brick()),
    skimage.util.img_as_float32(skimage.data.coins()),
    skimage.color.rgb2gray(skimage.data.astronaut()).astype("float32"),
    skimage.color.rgb2gray(skimage.data.chelsea()).astype("float32"),
    skimage.color.rgb2gray(skimage.data.coffee()).astype("float32"),
]
patches = [random_patch(photographs[number % len(photographs)]) for number in range(options.patches)]
clean_patches = np.stack(patches)[..., None]
noisy_patches = add_noise(clean_patches)

"""
## The network

DnCNN estimates the noise and subtracts it. The paper's has 17 layers of 64 feature maps; this one is smaller. It takes
images of any height and width. `denoiser_training` trains it with Adam on half the sum of squared errors, as its
authors do; `model.fit` works as well.
"""

keras.utils.set_random_seed(0)
model = models.DnCNN(depth=5, filters=24)
training = denoising.denoiser_training(
    model,
    noisy_patches,
    clean_patches,
    epochs=options.epochs,
    batch_size=4,
    learning_rate=3e-3,
    learning_rate_drops=(options.epochs - 1,),
)
losses = np.concatenate(list(training.dispatches()))
for epoch, mean in enumerate(losses.reshape(options.epochs, -1).mean(axis=1), start=1):
    print(f"epoch {epoch}: mean loss {mean:.2f}")

"""
## Denoise a photograph that the network has not seen
"""

clean = skimage.util.img_as_float32(skimage.data.camera())
noisy = add_noise(clean)
denoised = denoising.denoise(model, noisy)

"""
## Result

The peak signal-to-noise ratio (PSNR), higher is better, beside that of a classical method, non-local means, which is
told the noise level.
"""

results = {"noisy": noisy, "non-local means": denoising.denoise_classically(noisy, SIGMA), "DnCNN": denoised}
for name, image in results.items():
    print(f"PSNR, {name}: {metrics.psnr(clean, image):.2f} dB")
if options.output:
    plots.comparison(options.output, [("noisy", noisy), ("denoised", denoised), ("clean", clean)])
    print(f"Wrote {options.output}")
