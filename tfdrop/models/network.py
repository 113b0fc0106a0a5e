"""What the networks are built from: convolutions with what belongs to them, drop layers at their sites, one head."""

from collections.abc import Sequence
from typing import Any, Self

import keras
from keras import layers

from tfdrop.arguments import check_choice, check_whole, invalid, is_number
from tfdrop.models.activations import ACTIVATIONS
from tfdrop.models.initial_weights import check_seed, seeded
from tfdrop.models.placements import Drop, Site

# Those of the networks' original code, in Lua Torch and PyTorch; Keras's own are 0.99 and 1e-3.
BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}


class Network:
    """Adds the layers of one network in order, and offers each site to the drop function.

    A context manager: all layers created in it, drop layers included, get the network's dtype policy.

    Args:
        name: Name of the model.
        input_shape: Height, width and channels of the images.
        classes: Number of classes.
        groups: Number of groups of the network, not counting the stem.
        drop: See `tfdrop.models.build`, also for the following arguments.
        weight_decay: See there.
        input_layers: See there.
        dtype: See there.
        kernel_initializer: See there.
        seed: See there.
        activation: See there.
    """

    def __init__(
        self,
        name: str,
        input_shape: tuple[int, int, int],
        classes: int,
        groups: int,
        drop: Drop | None = None,
        weight_decay: float | keras.regularizers.Regularizer = 0.0,
        input_layers: Sequence[keras.layers.Layer] = (),
        dtype: Any = None,
        kernel_initializer: Any = "he_normal",
        seed: int | None = None,
        activation: str = "relu",
    ) -> None:
        self.name = name
        self.classes = check_whole("classes", classes)
        self.groups = groups
        self._group = self._block = 0
        self._convolutions = 0
        self._drop = drop
        self._drop_layers: list[keras.layers.Layer] = []
        self._kernel_initializer = kernel_initializer
        self._kernel_regularizer = _regularizer(weight_decay)
        self._seed = check_seed(seed)
        self._activation = check_choice("activation", activation, ACTIVATIONS)
        self._policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
        self.inputs = keras.Input(_check_input_shape(input_shape), name="images")
        self.images = self.inputs
        for layer in input_layers:
            self.images = layer(self.images)

    @property
    def output_dtype(self) -> str:
        """Dtype of the logits: that of the variables, because losses should not be computed in half precision."""
        return self._policy.variable_dtype

    def __enter__(self) -> Self:
        self._outer_policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self._policy)
        return self

    def __exit__(self, *_: object) -> None:
        keras.config.set_dtype_policy(self._outer_policy)

    def enter(self, group: int, block: int = 0) -> None:
        """Moves on to another group or block, after which the following layers are named."""
        self._group, self._block = group, block

    def layer_name(self, name: str) -> str:
        """Returns the full name of a layer in this group and block: `group2_block1_conv1` for `conv1`."""
        group = f"group{self._group}_" if self._group else "stem_"
        block = f"block{self._block}_" if self._block else ""
        return f"{group}{block}{name}"

    def convolution(
        self,
        x: Any,
        name: str,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        cardinality: int = 1,
        norm: bool = True,
        activates: bool = True,
        bias: bool = False,
        valid: bool = False,
    ) -> Any:
        """Adds a convolution with the batch normalization and the activation that belong to it.

        Padding is symmetric, as in the original code: with a stride of 2, Keras's own "same" would read pixels one
        further than the shortcut does.
        """
        self._convolutions += 1
        about = {"convolution": self._convolutions, "cardinality": cardinality}
        name = self.layer_name(name)
        x = self._offer(x, name, "before_convolution", **about)
        if strides > 1 and kernel_size > 1:
            x = layers.ZeroPadding2D((kernel_size - 1) // 2, name=f"{name}_pad")(x)
            valid = True
        x = layers.Conv2D(
            filters,
            kernel_size,
            strides=strides,
            padding="valid" if valid else "same",
            groups=cardinality,
            use_bias=bias,
            name=name,
            **self._kernel(name),
        )(x)
        if norm:
            x = self._batch_norm(x, name, **about)
        if activates:
            x = self._activate(x, f"{name}_{self._activation}")
        return self._offer(x, name, "after_convolution", **about)

    def norm_activation(self, x: Any, name: str) -> Any:
        """Adds a batch normalization and an activation before what follows: "pre-activation"."""
        name = self.layer_name(name)
        return self._activate(self._batch_norm(x, name), f"{name}_{self._activation}")

    def activation(self, x: Any) -> Any:
        """Adds an activation that belongs to no convolution, such as that of a sum."""
        return self._activate(x, self.layer_name(self._activation))

    def group_output(self, x: Any) -> Any:
        """Marks the end of a group."""
        return self._offer(x, f"group{self._group}", "group_output", block=0)

    def classify(self, features: Any) -> keras.Model:
        """Averages the maps over space and adds the dense layer that computes the logits. Returns the model."""
        pooled = layers.GlobalAveragePooling2D(dtype=self.output_dtype, name="pool")(features)
        logits = layers.Dense(self.classes, dtype=self.output_dtype, name="logits", **self._kernel("logits"))(pooled)
        return self.model(logits)

    def model(self, logits: Any) -> keras.Model:
        """Returns the model, once all its layers have been added."""
        if self._drop is not None and not self._drop_layers:
            placement = getattr(self._drop, "__name__", self._drop)
            raise invalid("drop", f"a placement that has a site in the network {self.name!r}", placement)
        return keras.Model(self.inputs, logits, name=self.name)

    def _kernel(self, layer_name: str) -> dict[str, Any]:
        """Returns the arguments that say how a layer's kernel is initialized and regularized."""
        return {
            "kernel_initializer": seeded(self._kernel_initializer, self._seed, layer_name),
            "kernel_regularizer": self._kernel_regularizer,
        }

    def _batch_norm(self, x: Any, name: str, **about: int) -> Any:
        x = layers.BatchNormalization(name=f"{name}_bn", **BATCH_NORM)(x)
        return self._offer(x, f"{name}_bn", "after_batch_norm", **about)

    def _activate(self, x: Any, name: str) -> Any:
        if self._activation == "relu":
            return layers.ReLU(name=name)(x)
        return layers.Activation(self._activation, name=name)(x)

    def _offer(self, x: Any, name: str, position: str, **about: int) -> Any:
        """Offers a site to the drop function, and adds the layer that it returns."""
        if self._drop is None:
            return x
        layer = self._drop(Site(name, position, self._group, self.groups, **{"block": self._block, **about}))
        if layer is None:
            return x
        if not isinstance(layer, keras.layers.Layer) or layer in self._drop_layers:
            raise invalid("drop", "a function from a site to a new layer or None", layer)
        self._drop_layers.append(layer)
        return layer(x)


def _regularizer(weight_decay: Any) -> keras.regularizers.Regularizer | None:
    """Returns the regularizer that adds `weight_decay` times the kernel to its gradient."""
    if isinstance(weight_decay, keras.regularizers.Regularizer):
        return weight_decay
    if not is_number(weight_decay) or weight_decay < 0:
        raise invalid("weight_decay", "a float of at least 0 or a regularizer", weight_decay)
    # The gradient of L2(l) is 2 * l times the weight.
    return keras.regularizers.L2(weight_decay / 2) if weight_decay else None


def _check_input_shape(shape: Any) -> tuple[int, int, int]:
    whole = isinstance(shape, (tuple, list)) and all(isinstance(side, int) and side > 0 for side in shape)
    if not whole or len(shape) != 3:
        raise invalid("input_shape", "three integers of at least 1: height, width and channels", shape)
    return tuple(shape)
