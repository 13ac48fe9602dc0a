"""Methods that Transformers does itself while it loads weights, done to a model in memory."""

from __future__ import annotations

from typing import Any

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
