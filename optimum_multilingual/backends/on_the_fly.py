"""Methods that Transformers does itself while it loads weights, done to a model in memory."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from ..config import MultilingualCalibrationConfig
from ..errors import ModelError
from .layer_checks import output_projection
from .method_options import ModuleNames, Option

SKIP = Option("skip_modules", (), ModuleNames(), "layers that stay as they are, beside the output projection")

# What Transformers' loader leaves on a model that it quantized.
MARKS = (
    "hf_quantizer",
    "is_quantized",
    "quantization_method",
    "is_loaded_in_4bit",
    "is_loaded_in_8bit",
    "is_4bit_serializable",
    "is_8bit_serializable",
)


def quantize_by_loading(model: Any, upstream: Any) -> None:
    """Quantizes a model in place, through the loader that would quantize it while it reads it from disk.

        model (dense, measured)  -> state_dict -> from_pretrained(quantization_config=upstream) -> its layers -> model

    The weights are the same, bit for bit, as those of `from_pretrained(name, quantization_config=upstream)`; reading them from
    memory leaves time to measure the dense model first. Dense and quantized weights are in memory together.

    Args:
        model: dense, on one device or dispatched to several.
        upstream: a quantization config of Transformers.
    """
    quantized = type(model).from_pretrained(
        None,
        config=model.config,
        state_dict=model.state_dict(),
        quantization_config=upstream,
        dtype=model.dtype,
        device_map=getattr(model, "hf_device_map", None) or {"": model.device},
    )
    take_over(model, quantized)


def take_over(model: Any, quantized: Any) -> None:
    """Moves what a loader made into the model that is already there: its layers, its marks and its config.

    Args:
        model: the one that a user holds; it keeps its name and revision.
        quantized: of the same class; not to be used afterwards.
    """
    config = model.config
    for name, child in quantized.named_children():
        setattr(model, name, child)
    for mark in MARKS:
        if hasattr(quantized, mark):
            setattr(model, mark, getattr(quantized, mark))
    # The new layers hold a copy of the config; model and layers share one, as after any loading.
    model.config = quantized.config
    model.config.name_or_path = config.name_or_path
    # Transformers before 5.23 keeps the revision on the config.
    if hasattr(config, "_commit_hash"):
        model.config._commit_hash = config._commit_hash


def names_to_skip(model: Any, skipped: Collection[str]) -> list[str] | None:
    """What Transformers is given, so that exactly these layers and the output projection stay as they are.

        >>> names_to_skip(model, ["model.layers.0.mlp.down_proj"])
        ['model.layers.0.mlp.down_proj', 'lm_head']

    Args:
        model: on the meta device.
        skipped: full names of layers; with none it is None, and Transformers leaves the output projection by itself.
    """
    if not skipped:
        return None
    left = {*skipped, *output_projection(model)}
    layers = [name for name, layer in model.named_modules() if getattr(getattr(layer, "weight", None), "ndim", 0) == 2]
    others = [name for name in layers if name not in left]
    return [_meaning_alone(name, others) for name in layers if name in left]


def _meaning_alone(name: str, others: Collection[str]) -> str:
    """The name as it is, which readers of the checkpoint know too; a pattern where Transformers would take it for others too."""
    from transformers.quantizers.quantizers_utils import should_convert_module

    if all(should_convert_module(other, [name]) for other in others):
        return name
    return rf"{re.escape(name)}(\.weight)?$"


def require_output_projection(
    model: Any, config: MultilingualCalibrationConfig, setting: str, names: Sequence[str] | None, ending: str = ""
) -> None:
    """Refuses an upstream config whose own list leaves the output projection out, where logits are to be measured.

    Args:
        model: on the meta device.
        config: with the upstream config as its method.
        setting: of the upstream config that holds the list, for the message.
        names: the list; None where there is none, and Transformers leaves the projection by itself.
        ending: what Transformers adds to a layer's name before it looks for it in the list.

    Raises:
        ModelError: says what to add.
    """
    from transformers.quantizers.quantizers_utils import should_convert_module

    if names is None or config.evaluation is None:
        return
    for head in output_projection(model):
        if should_convert_module(head + ending, list(names)):
            raise ModelError(
                f"{type(config.method).__name__}({setting}={list(names)}) does not name the output projection, which would be "
                f"quantized too and could not be measured. Add {head!r} to the list, or give evaluation=None."
            )
