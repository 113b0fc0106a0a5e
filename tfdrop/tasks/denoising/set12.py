"""Set12's images, and what the data dropout paper's Table V has for them."""

import hashlib
from typing import NamedTuple

import numpy as np


class PaperImage(NamedTuple):
    """One image of Set12: the papers' name for it, and its PSNR in dB at sigma 25 (data dropout, table V)."""

    name: str
    round_1: float
    round_2: float


def fingerprint(pixels):
    """Returns the first 12 hexadecimal digits of the SHA-256 of an image's 8-bit pixels."""
    return hashlib.sha256(np.round(pixels * 255).astype("uint8").tobytes()).hexdigest()[:12]


# By fingerprint, so that the paper's figures stand beside Set12's images and no others, whatever their files
# are called.
SET12 = {
    "7e12901bff00": PaperImage("C.man", 30.18, 30.23),
    "89f9a4126518": PaperImage("House", 33.06, 33.05),
    "9354428e02da": PaperImage("Peppers", 30.87, 30.91),
    "87b2dfff0735": PaperImage("Starfish", 29.41, 29.49),
    "1ea2dfa9f236": PaperImage("Monar", 30.28, 30.33),
    "71ec37f601e1": PaperImage("Plane", 29.13, 29.17),
    "fdb37a046a77": PaperImage("Parrot", 29.43, 29.48),
    "3398ca972eaa": PaperImage("Lena", 32.44, 32.47),
    "79f36e2eeecf": PaperImage("Barbara", 30.00, 30.05),
    "b292548c4635": PaperImage("Boat", 30.21, 30.25),
    "c4d5d2ca03a2": PaperImage("Man", 30.10, 30.16),
    "777c75f2c468": PaperImage("Couple", 30.12, 30.11),
}
