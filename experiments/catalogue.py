"""The experiments, in the order of what they are worth."""

from experiments.classification_catalogue import CLASSIFICATION, DIGITS_CHECK
from experiments.denoising_catalogue import DENOISING, PHOTOGRAPHS_CHECK

CATALOGUE = (*DENOISING, *CLASSIFICATION, PHOTOGRAPHS_CHECK, DIGITS_CHECK)
