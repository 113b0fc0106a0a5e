"""Where drop layers go in a network: the sites that networks offer, and the papers' choices among them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tfdrop.models.names import look_up

if TYPE_CHECKING:  # programs check names of placements before they wait for a backend
    import keras


class Site(NamedTuple):
    """A position in a network where a drop layer may go.

    A network is a stem followed by groups of convolutions, each group at one resolution (whatever halves it belongs to
    the next group); in most networks the groups consist of blocks.

    Attributes:
        name: The convolution, batch normalization or group that the site follows or, for the input of a convolution,
            precedes: `group2_block1_conv1`, `group2_block1_conv1_bn`, `group2`.
        position: `"before_convolution"`: the input of a convolution. `"after_convolution"`: the output of a
            convolution, after the batch normalization and activation that belong to it alone, the y = f(w * x + b) of
            SelectScale's eq. (1); an activation after an addition does not belong to it, nor does the normalization
            that a pre-activation network has before the next convolution. `"after_batch_norm"`: directly after a batch
            normalization, before the activation. `"group_output"`: the feature maps that a group passes on, at its own
            resolution.
        group: The group's number, from 1; 0 is the stem.
        groups: The number of groups of the network.
        block: The block's number in its group, from 1; 0 outside the blocks.
        convolution: The number of the convolution in the network, from 1; 0 for a site that belongs to none.
        cardinality: The number of channel groups of that convolution: more than 1 for a group convolution.

    >>> every_convolution(Site("stem_conv", "after_convolution", group=0, groups=3))
    1.0
    """

    name: str
    position: str
    group: int
    groups: int
    block: int = 0
    convolution: int = 0
    cardinality: int = 1


def every_convolution(site: Site) -> float | None:
    """SelectScale, section 3.1: "applied to every convolutional layer for ResNets and WRNs"."""
    return 1.0 if site.position == "after_convolution" else None


def every_convolution_but_first(site: Site) -> float | None:
    """Data dropout, section IV-A: "a dropout layer [...] follows each convolutional layer except the first one"."""
    return 1.0 if site.position == "after_convolution" and site.convolution > 1 else None


def group_convolutions(site: Site) -> float | None:
    """SelectScale, section 3.1: "for ResNeXt, data drop is used before and after the 3x3 group convolutions"."""
    around = site.position in ("before_convolution", "after_convolution")
    return 1.0 if around and site.cardinality > 1 else None


def last_two_groups(site: Site) -> float | None:
    """SelectScale, section 3.5: "the third and fourth groups after every BN", the third with half the rate.

    Section 3.1 says the same of "every convolutional layers in bottleneck residual blocks". The projection of a
    shortcut also has a BN and therefore takes part, as in DropBlock, which the section follows.
    """
    if site.position != "after_batch_norm" or site.group < site.groups - 1:
        return None
    return 1.0 if site.group == site.groups else 0.5


def penultimate_group(site: Site) -> float | None:
    """FocusedDropout, section 5: Dropout, SpatialDropout and FocusedDropout on "the output of penultimate group"."""
    return 1.0 if site.position == "group_output" and site.group == site.groups - 1 else None


def first_two_groups(site: Site) -> float | None:
    """FocusedDropout, section 5: "Dropblock is applied to the output of first two groups"."""
    return 1.0 if site.position == "group_output" and site.group <= 2 else None


# A user's choice of layers: a function from a site to a new layer, or to None where no layer goes.
Drop = Callable[[Site], "keras.layers.Layer | None"]

# Each returns the factor of the rate at a site, or None where no layer goes.
PLACEMENTS: dict[str, Callable[[Site], float | None]] = {
    place.__name__: place
    for place in (
        every_convolution,
        every_convolution_but_first,
        group_convolutions,
        last_two_groups,
        penultimate_group,
        first_two_groups,
    )
}


def placement(name: str, make_layer: "Callable[[float], keras.layers.Layer]") -> Drop:
    """Returns the `drop` argument of a network for one of the papers' placements.

    ```python
    drop = tfdrop.models.placement("every_convolution", lambda factor: tfdrop.layers.SpatialScale(0.6 * factor))
    model = tfdrop.models.build("resnet20", input_shape=(32, 32, 3), classes=10, drop=drop)
    ```

    A placement of your own is a function from a `Site` to a layer or None; it needs no name.

    Args:
        name: `"every_convolution"`, `"every_convolution_but_first"`, `"group_convolutions"`, `"last_two_groups"`,
            `"penultimate_group"` or `"first_two_groups"`: the docstrings of these functions in this module say what
            each does, and where the paper asks for it.
        make_layer: Function that returns a new layer, from tfdrop or a plain `keras.layers.Dropout`, for the factor by
            which to multiply its rate: 1.0, but 0.5 in the third group of `"last_two_groups"`. The layer is named after
            its site: `group2_block1_conv1_drop`.

    Returns:
        A function from a `Site` to a layer or None.

    Raises:
        ValueError: If there is no placement of that name; the nearest names are offered.

    >>> import keras
    >>> drop = placement("penultimate_group", lambda factor: keras.layers.Dropout(0.2 * factor))
    >>> drop(Site("group2", "group_output", group=2, groups=3)).name
    'group2_drop'
    """
    choose = look_up("placement", name, PLACEMENTS)

    def drop(site: Site) -> "keras.layers.Layer | None":
        factor = choose(site)
        if factor is None:
            return None
        layer = make_layer(factor)
        before = "_input" if site.position == "before_convolution" else ""
        layer.name = f"{site.name}{before}_drop"
        return layer

    drop.__name__ = name
    return drop
