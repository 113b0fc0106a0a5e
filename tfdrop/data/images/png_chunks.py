"""The chunks of a PNG file: what a file says beside its pixels, to be copied into another one."""

import struct

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What holds for other pixels of the same size: colour spaces, resolution, EXIF, texts. Not palettes and transparency.
KEPT = (
    b"cICP",
    b"iCCP",
    b"sRGB",
    b"gAMA",
    b"cHRM",
    b"mDCV",
    b"cLLI",
    b"pHYs",
    b"eXIf",
    b"tEXt",
    b"zTXt",
    b"iTXt",
    b"tIME",
)
HEADER_END = len(SIGNATURE) + 25  # the header chunk, IHDR, is the first and has 13 bytes


def bit_depth(file: bytes) -> int:
    """Returns the bits of each sample: 1, 2, 4, 8 or 16."""
    return file[len(SIGNATURE) + 16]


def kept(file: bytes) -> bytes:
    """Returns the chunks of a file that hold for other pixels of the same size, as they stand there."""
    found, start = [], len(SIGNATURE)
    while start + 12 <= len(file):
        [length] = struct.unpack(">I", file[start : start + 4])
        end = start + 12 + length
        if file[start + 4 : start + 8] in KEPT:
            found.append(file[start:end])
        start = end
    return b"".join(found)


def with_chunks(file: bytes, chunks: bytes) -> bytes:
    """Returns a file with chunks of another put behind its header, in the place of its own of these kinds.

    >>> import imagecodecs, numpy as np
    >>> file = imagecodecs.png_encode(np.zeros((2, 3), "uint8"))
    >>> text = bytes.fromhex("00000003 74455874 410042 bd3a6b5f")
    >>> kept(with_chunks(with_chunks(file, text), text)) == text
    True
    """
    own = kept(file)
    rest, start = [file[:HEADER_END], chunks], HEADER_END
    while start < len(file):
        [length] = struct.unpack(">I", file[start : start + 4])
        end = start + 12 + length
        if not (own and file[start + 4 : start + 8] in KEPT):
            rest.append(file[start:end])
        start = end
    return b"".join(rest)
