"""Planted shapes in PASCAL VOC's folders: what a detector can learn in a minute."""

from pathlib import Path

import numpy as np
import PIL.Image

SHAPES = ("disc", "square", "cross")
XML = """<annotation><folder>VOC2007</folder><filename>{name}.jpg</filename>
<size><width>{width}</width><height>{height}</height><depth>3</depth></size>
{objects}</annotation>
"""
OBJECT = """<object><name>{name}</name><pose>Unspecified</pose><difficult>{difficult}</difficult>
<bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>
"""


def write_annotation(path, objects, width=32, height=32):
    """Writes objects `(name, box, difficult)` in VOC's XML; boxes are VOC's: from 1, the last pixel included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = "".join(OBJECT.format(name=name, box=box, difficult=int(difficult)) for name, box, difficult in objects)
    path.write_text(XML.format(name=path.stem, width=width, height=height, objects=shown))


def write_list(folder, part, names):
    path = folder / "VOC2007" / "ImageSets" / "Main" / f"{part}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}\n" for name in names))


def write_shapes(folder, parts, width=32, height=32, sides=(12, 22), most=1, seed=0):
    """Writes `{part: number of images}`; returns `{part: [objects of each image]}`, which are `(name, box, False)`."""
    found, number = {}, 0
    for part, images in parts.items():
        names, found[part] = [], []
        for _ in range(images):
            number += 1
            rng = np.random.default_rng((seed, number))
            pixels, objects = draw_shapes(rng, width, height, sides, int(rng.integers(1, most + 1)))
            name = f"{number:06d}"
            write_annotation(folder / "VOC2007" / "Annotations" / f"{name}.xml", objects, width, height)
            path = folder / "VOC2007" / "JPEGImages" / f"{name}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            PIL.Image.fromarray(pixels).save(path, quality=95)
            names.append(name)
            found[part].append(objects)
        write_list(folder, part, names)
    return found


def draw_shapes(rng, width, height, sides, count):
    """Draws shapes that do not touch on a noisy ground; returns the pixels and the objects."""
    pixels = np.clip(rng.normal(90, 25, (height, width, 3)), 0, 255).astype("uint8")
    objects, boxes = [], []
    for _ in range(20 * count):
        side = int(rng.integers(*sides))
        left, top = (int(rng.integers(0, length - side + 1)) for length in (width, height))
        box = (left, top, left + side, top + side)
        if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in boxes):
            continue
        name = str(rng.choice(SHAPES))
        pixels[top : top + side, left : left + side][mask(name, side)] = rng.integers(150, 256, 3)
        boxes.append(box)
        objects.append((name, (left + 1, top + 1, left + side, top + side), False))
        if len(boxes) == count:
            break
    return pixels, objects


def mask(name, side):
    """Which pixels of a square a shape covers."""
    y, x = (np.indices((side, side)) + 0.5) / side * 2 - 1
    if name == "disc":
        return x**2 + y**2 <= 1
    return (np.minimum(abs(x), abs(y)) < 0.3) if name == "cross" else np.ones((side, side), bool)


def write_shape_classes(folder, parts, side=32, seed=1):
    """Writes `{part: images of each class}` as class folders of single shapes, for a classifier to learn them."""
    for part, images in parts.items():
        for label, name in enumerate(SHAPES):
            for number in range(images):
                rng = np.random.default_rng((seed, len(part), label, number))
                pixels = np.clip(rng.normal(90, 25, (side, side, 3)), 0, 255).astype("uint8")
                of_shape = int(rng.integers(side // 3, side))
                left, top = (int(rng.integers(0, side - of_shape + 1)) for _ in range(2))
                pixels[top : top + of_shape, left : left + of_shape][mask(name, of_shape)] = rng.integers(150, 256, 3)
                path = Path(folder) / part / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                PIL.Image.fromarray(pixels).save(path)
