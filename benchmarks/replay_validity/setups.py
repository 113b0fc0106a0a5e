"""What is asked, by name: classifiers and a denoiser, each a few seconds of training."""

from benchmarks.replay_validity.denoiser import DenoiserSetup
from benchmarks.replay_validity.trainings import Setup, resnet8, small_cnn

AnySetup = Setup | DenoiserSetup

SETUPS: dict[str, AnySetup] = {
    "gelu_cnn": Setup("CNN, GELU", lambda shape: small_cnn(shape, "gelu"), 0.01),
    "gelu_cnn_fast": Setup("CNN, GELU, rate 0.05", lambda shape: small_cnn(shape, "gelu"), 0.05),
    "gelu_cnn_raw": Setup("CNN, GELU, raw images", lambda shape: small_cnn(shape, "gelu"), 0.05, standardized=False),
    "gelu_cnn_falling": Setup("CNN, GELU, falling rate", lambda shape: small_cnn(shape, "gelu"), 0.02, falls=True),
    "relu_cnn": Setup("CNN, ReLU", lambda shape: small_cnn(shape, "relu"), 0.01),
    "resnet8": Setup("ResNet-8, batch normalization", resnet8, 0.01, halved=True),
    "resnet8_augmented": Setup(
        "ResNet-8, crops and flips", lambda shape: resnet8(shape, augments=True), 0.01, halved=True
    ),
    "resnet8_smooth": Setup(
        "ResNet-8, GELU, falling rate",
        lambda shape: resnet8(shape, activation="gelu"),
        0.003,
        halved=True,
        falls=True,
    ),
    "dncnn": DenoiserSetup("DnCNN"),
}
