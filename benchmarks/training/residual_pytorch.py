"""He et al.'s ResNet-20 for CIFAR in PyTorch, and SelectScale's WRN-20-k, which is it with k times the maps."""

from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut without parameters."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.first_norm, self.second_norm = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.stride, self.more = stride, outputs - inputs

    def forward(self, x):
        y = self.second_norm(self.second(functional.relu(self.first_norm(self.first(x)))))
        shortcut = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return functional.relu(y + shortcut)


def resnet20(filters=16):
    """Returns the network, whose first group has so many maps."""
    blocks = [Block(filters, filters, 1) for _ in range(3)]
    for inputs, outputs in ((filters, 2 * filters), (2 * filters, 4 * filters)):
        blocks += [Block(inputs, outputs, 2), Block(outputs, outputs, 1), Block(outputs, outputs, 1)]
    stem = [nn.Conv2d(3, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
    network = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * filters, 10))
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    return network
