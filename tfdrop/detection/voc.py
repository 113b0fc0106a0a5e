"""PASCAL VOC's own folders: `VOC2007/Annotations/*.xml`, `JPEGImages/*.jpg` and `ImageSets/Main/trainval.txt`."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from tfdrop.arguments import nearest
from tfdrop.detection.annotations import CLASSES, Annotated, Objects, make_objects

LAYOUT = "VOC2007/Annotations/*.xml, VOC2007/JPEGImages/*.jpg and VOC2007/ImageSets/Main/trainval.txt"
EDGES = ("xmin", "ymin", "xmax", "ymax")


def list_voc(folder: str | Path, part: str, classes: Sequence[str] = CLASSES) -> list[Annotated]:
    """Finds the images of a part and reads their annotations; the images themselves are not read.

    Args:
        folder: The folder that holds `VOC2007` and others of their kind.
        part: Year and list, as `"2007/trainval"`.
        classes: The classes' names.

    Returns:
        The `Annotated` images, in the order of the list.

    Raises:
        ValueError: If files are missing, an annotation cannot be read, names an unknown class, or has a box outside
            the image or of no area; the message names the file.
    """
    year, name = split_part(part)
    root = Path(folder).expanduser() / f"VOC{year}"
    listed = root / "ImageSets" / "Main" / f"{name}.txt"
    if not listed.is_file():
        raise ValueError(f"no such file: {listed}. Expected {LAYOUT}")
    names = [line.split()[0] for line in listed.read_text().splitlines() if line.strip()]
    if not names:
        raise ValueError(f"{listed} names no images")
    return [_annotated(root, name, classes) for name in names]


def split_part(part: str) -> tuple[str, str]:
    """Returns year and list of a part such as `"2007/trainval"`.

    Raises:
        ValueError: If it is not one.
    """
    year, _, name = part.partition("/")
    if not (year and name) or "/" in name or ".." in part:
        raise ValueError(f"expected year/list, as 2007/trainval. Received: {part}")
    return year, name


def read_annotation(path: str | Path, classes: Sequence[str] = CLASSES) -> tuple[Objects, tuple[int, int] | None]:
    """Reads one file of annotations.

    VOC counts pixels from 1 and its boxes include their last pixels, so that 1 is taken from the left and the top. The
    parts of a person, which the layout task is about, are no objects of their own.

    Returns:
        The `Objects`, and `(height, width)` of the image, `None` if the file does not say.

    Raises:
        ValueError: If the file is no such annotation; the message names it.
    """
    path = Path(path)
    where = f"{path.parent.name}/{path.name}"
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ValueError(f"{where}: cannot be read ({error})") from error
    try:
        size = _size(root)
        found = [_object(each) for each in root.findall("object")]
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{where}: is no annotation of VOC's ({error})") from error
    for name, _, _ in found:
        if name not in classes:
            near = nearest(name, classes)
            hint = f"; did you mean {', '.join(near)}?" if near else f"; known are {', '.join(classes)}"
            raise ValueError(f"{where}: unknown class {name!r}{hint}")
    labels = [list(classes).index(name) for name, _, _ in found]
    return make_objects(where, [box for _, box, _ in found], labels, [each for _, _, each in found], size), size


def _annotated(root: Path, name: str, classes: Sequence[str]) -> Annotated:
    objects, size = read_annotation(root / "Annotations" / f"{name}.xml", classes)
    image = root / "JPEGImages" / f"{name}.jpg"
    if not image.is_file():
        raise ValueError(f"no such file: {image}")
    return Annotated(f"{root.name}/{image.name}", image, objects, size)


def _size(root):
    """Returns `(height, width)`; VOC's tools write 0 where they do not know."""
    size = root.find("size")
    if size is None:
        return None
    height, width = (int(size.find(name).text) for name in ("height", "width"))
    return (height, width) if height > 0 and width > 0 else None


def _object(element):
    name = element.find("name").text.strip()
    # A few of VOC 2012's are no whole numbers.
    left, top, right, bottom = (float(element.find("bndbox").find(edge).text) for edge in EDGES)
    difficult = element.find("difficult")
    return name, (left - 1, top - 1, right, bottom), difficult is not None and difficult.text.strip() == "1"
