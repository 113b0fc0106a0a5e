"""The experiments, in the order of what they are worth."""

from experiments.catalogue.classification import CIFAR10_CPU, CLASSIFICATION, DIGITS_CHECK
from experiments.catalogue.denoising import DENOISING, PHOTOGRAPHS_CHECK

CATALOGUE = (*DENOISING, *CLASSIFICATION, CIFAR10_CPU, PHOTOGRAPHS_CHECK, DIGITS_CHECK)
