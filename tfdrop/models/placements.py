"""Where drop layers stand in a network: the sites that networks offer, and the papers' choices among them."""

from typing import NamedTuple

from tfdrop.models.names import look_up


class Site(NamedTuple):
    """A place in a network where a drop layer may stand.

    A network is a stem, followed by groups of convolutions at one resolution each (what halves it belongs to the next
    group), in most networks made of blocks.

    Attributes:
        name: What the site is named after: the convolution, the batch normalization or the group that it follows or,
            for the input of a convolution, precedes: `group2_block1_conv1`, `group2_block1_conv1_bn`, `group2`.
        position: `"before_convolution"`: the input of a convolution. `"after_convolution"`: the output of a
            convolution, behind the batch normalization and ReLU that belong to it alone, the y = f(w * x + b) of
            SelectScale's eq. (1); a ReLU behind an addition does not, nor does the normalization that a pre-activation
            network has ahead of the next convolution. `"after_batch_norm"`: right behind a batch normalization, before
            the ReLU. `"group_output"`: the feature maps that a group hands on, at its own resolution.
        group: The group's number, from 1; 0 is the stem.
        groups: How many groups the network has.
        block: The block's number in its group, from 1; 0 outside the blocks.
        convolution: The number of the convolution in the network, from 1; 0 for a site that belongs to none.
        cardinality: Into how many groups of channels that convolution is split: over 1 for a group convolution.
    """

    name: str
    position: str
    group: int
    groups: int
    block: int = 0
    convolution: int = 0
    cardinality: int = 1


def every_convolution(site):
    """SelectScale, section 3.1: "applied to every convolutional layer for ResNets and WRNs"."""
    return 1.0 if site.position == "after_convolution" else None


def every_convolution_but_first(site):
    """Data dropout, section IV-A: "a dropout layer [...] follows each convolutional layer except the first one"."""
    return 1.0 if site.position == "after_convolution" and site.convolution > 1 else None


def group_convolutions(site):
    """SelectScale, section 3.1: "for ResNeXt, data drop is used before and after the 3x3 group convolutions"."""
    around = site.position in ("before_convolution", "after_convolution")
    return 1.0 if around and site.cardinality > 1 else None


def last_two_groups(site):
    """SelectScale, section 3.5: "the third and fourth groups after every BN", the third's rate times 0.5.

    Section 3.1 says the same of "every convolutional layers in bottleneck residual blocks". The projection of a
    shortcut has a BN too and so takes part, as it does in DropBlock, which the section follows.
    """
    if site.position != "after_batch_norm" or site.group < site.groups - 1:
        return None
    return 1.0 if site.group == site.groups else 0.5


def penultimate_group(site):
    """FocusedDropout, section 5: Dropout, SpatialDropout and FocusedDropout on "the output of penultimate group"."""
    return 1.0 if site.position == "group_output" and site.group == site.groups - 1 else None


def first_two_groups(site):
    """FocusedDropout, section 5: "Dropblock is applied to the output of first two groups"."""
    return 1.0 if site.position == "group_output" and site.group <= 2 else None


# Each hands back the factor of the rate at a site, or None where no layer stands.
PLACEMENTS = {
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


def placement(name, make_layer):
    """Makes the `drop` argument of a network from one of the papers' placements.

    ```python
    drop = tfdrop.models.placement("every_convolution", lambda factor: tfdrop.layers.SpatialScale(0.6 * factor))
    model = tfdrop.models.build("resnet20", input_shape=(32, 32, 3), classes=10, drop=drop)
    ```

    A placement of one's own is a function from a `Site` to a layer or None, and needs no name.

    Args:
        name: `"every_convolution"`, `"every_convolution_but_first"`, `"group_convolutions"`, `"last_two_groups"`,
            `"penultimate_group"` or `"first_two_groups"`: the functions of this module say what each does, and where
            the paper asks for it.
        make_layer: Function that makes a new layer, a tfdrop one or a plain `keras.layers.Dropout`, from the factor
            that its rate is multiplied by: 1.0, but 0.5 in the third group of `"last_two_groups"`. The layer is named
            after its site: `group2_block1_conv1_drop`.

    Returns:
        A function from a `Site` to a layer or None.

    Raises:
        ValueError: If there is no placement of that name; the nearest names are offered.
    """
    choose = look_up("placement", name, PLACEMENTS)

    def drop(site):
        factor = choose(site)
        if factor is None:
            return None
        layer = make_layer(factor)
        before = "_input" if site.position == "before_convolution" else ""
        layer.name = f"{site.name}{before}_drop"
        return layer

    drop.__name__ = name
    return drop
