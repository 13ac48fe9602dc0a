"""What engines ask of a model's layers before its weights load."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..config import MultilingualCalibrationConfig
from ..errors import ModelError
from .capability import Capability


def linear_layers(model: Any, classes: tuple[str, ...] = ("Linear",)) -> dict[str, tuple[int, int]]:
    """(inputs, outputs) of the layers an engine looks for by their exact class, but for the output projection.

    Args:
        model: on the meta device.
        classes: names of the layers' classes; "Conv1D" is the linear layer of GPT-2.
    """
    layers = {name: layer for name, layer in model.named_modules() if type(layer).__name__ in classes}
    return {
        name: tuple(layer.weight.shape) if type(layer).__name__ == "Conv1D" else tuple(layer.weight.shape[::-1])
        for name, layer in layers.items()
        if layer is not model.get_output_embeddings()
    }


def named_layers(model: Any, names: Iterable[str]) -> list[str]:
    """Full names of the layers that are meant by a full name or its last parts, and of all that those hold.

    >>> named_layers(model, ["down_proj"])
    ['model.layers.0.mlp.down_proj', 'model.layers.1.mlp.down_proj']

    Raises:
        ModelError: a name means none.
    """
    every, found = [name for name, _ in model.named_modules()], set()
    for wanted in names:
        meant = [name for name in every if f".{name}".endswith(f".{wanted}")]
        if not meant:
            raise ModelError(
                f"{type(model).__name__} has no layer {wanted!r} to skip; names are those of `model.named_modules()`, in full "
                "or their last parts."
            )
        found |= {name for name in every if f"{name}.".startswith(tuple(f"{each}." for each in meant))}
    return [name for name in every if name in found]


def output_projection(model: Any) -> list[str]:
    """The full name of the layer that makes logits; none in a model without one.

    >>> output_projection(model)
    ['lm_head']
    """
    return [name for name, layer in model.named_modules() if layer is model.get_output_embeddings()]


def require_layers(model: Any, layers: Mapping[str, Any], capability: Capability) -> None:
    """Refuses a model with nothing to quantize.

    Raises:
        ModelError: it has no layer the engine looks for.
    """
    if not layers:
        raise ModelError(
            f"{type(model).__name__} has no linear layer that {capability.name} would quantize; choose another method."
        )


def fused_experts(blocks: Any) -> dict[str, tuple[int, int]]:
    """(inputs, outputs) of each expert in the tensors that hold all experts of a layer, by the tensor's name."""
    return {
        name: (parameter.shape[-1], parameter.shape[-2])
        for name, parameter in blocks.named_parameters()
        if parameter.ndim > 2
    }


def refuse_fused_experts(model: Any, blocks: Any, capability: Capability) -> None:
    """Refuses experts that are kept in one tensor, which engines that look for linear layers do not see.

    Args:
        model: for the message.
        blocks: the part of it to look at.
        capability: the method.

    Raises:
        ModelError: there are some.
    """
    fused = fused_experts(blocks)
    if fused:
        raise ModelError(
            f"{type(model).__name__} keeps experts in fused tensors ({next(iter(fused))}), which {capability.name} passes over "
            "in silence: most of the model would stay unquantized. Choose a dense model or another method."
        )


def settled_group_size(
    layers: Mapping[str, tuple[int, int]], config: MultilingualCalibrationConfig, capability: Capability
) -> int:
    """The group size of a model: the one a configuration asks for, or where it asks for none the one that fits.

    Args:
        layers: (inputs, outputs) of those that are quantized.
        config: which may give a group size.
        capability: of a method with groups.

    Raises:
        ModelError: it does not divide a layer.
    """
    size = capability.group_size_of(config)
    if config.group_size is None:
        size = fitting_group_size((inputs for inputs, _ in layers.values()), capability)
    assert size is not None
    for name, (inputs, _) in layers.items():
        check_group_size(name, inputs, size, capability)
    return size


def fitting_group_size(inputs: Iterable[int], capability: Capability) -> int:
    """The default, or in a model it does not fit the largest smaller size that divides every layer's inputs."""
    default = capability.default_group_size
    assert default is not None
    common = math.gcd(*inputs)
    smaller = [size for size in capability.group_sizes if 0 < size <= default and common % size == 0]
    return max(smaller, default=default)


def check_group_size(name: str, inputs: int, group_size: int, capability: Capability) -> None:
    """Refuses groups that do not divide a layer.

    Raises:
        ModelError: names the layer and the sizes that do.
    """
    if group_size == -1 or inputs % group_size == 0:
        return
    fitting = [str(size) for size in capability.group_sizes if size != -1 and inputs % size == 0]
    whole = " (-1 is one group for all inputs)" if -1 in capability.group_sizes else ""
    raise ModelError(
        f"group_size={group_size} does not divide the {inputs} inputs of layer {name}; sizes that do: "
        f"{', '.join(fitting) or 'none but -1'}{whole}."
    )
