"""Scoring denoisers on test images."""

from tfdrop.data.images.gaussian_noise import noisy_image
from tfdrop.denoising import denoise
from tfdrop.metrics import psnr, ssim
from tfdrop.progress import Progress
from tfdrop.tasks.denoising.rivals import rivals

NOISY = "noisy"


def evaluate(models, images, sigma, protocol):
    """Scores the noisy input, the denoisers that are not trained, and some models on every image.

    Args:
        models: Dictionary from a name to a model.
        images: List of `tfdrop.data.images.grey.Image`.
        sigma: Standard deviation of the noise on the 8-bit scale.
        protocol: As for `tfdrop.metrics.psnr`.

    Returns:
        List of `(image, outputs, scores)`; `outputs` and `scores` are dictionaries from a method's name to a
        picture, and to `{"psnr": dB, "ssim": number}`.
    """
    methods = {NOISY: lambda noisy: noisy, **rivals(sigma)}
    methods |= {name: lambda noisy, model=model: denoise(model, noisy, sigma) for name, model in models.items()}
    rated = []
    with Progress("Testing", len(images) * len(methods), unit="pictures") as progress:
        for image in images:
            noisy = noisy_image(image.pixels, sigma)
            outputs, scores = {}, {}
            for name, method in methods.items():
                outputs[name] = method(noisy)
                scores[name] = {
                    "psnr": psnr(image.pixels, outputs[name], protocol),
                    "ssim": ssim(image.pixels, outputs[name], protocol),
                }
                progress.advance()
            rated.append((image, outputs, scores))
    return rated
