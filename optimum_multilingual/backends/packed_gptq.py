"""Layers packed by GPTQModel, in memory and on disk: shared by the engines that make them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import CheckpointError, ModelError
from .capability import Capability
from .quiet import quiet_engine

# Weights are packed in words of 32 bits, across both dimensions of a layer.
WORD = 32

# This kernel keeps the packed weights as they are. The one "auto" finds on a CPU rewrites them in its first forward
# pass, after which they can no longer be saved (gptqmodel 7.6.0, TorchAtenLinear.transform_cpu).
PACKING_KERNEL = "torch"

# GPTQModel compiles a packing extension on first use, which takes longer than packing this many weights without it.
COMPILE_ABOVE_WEIGHTS = 2_000_000_000

# Families whose quantized checkpoint cannot be loaded again, with the reason (transformers 5.17, gptqmodel 7.6).
NOT_RELOADABLE = {"gpt2": "its weight initialisation fails on packed layers when the checkpoint is loaded"}


def refuse_family(family: str, capability: Capability) -> None:
    """Refuses a family whose packed checkpoint could not be loaded again.

    Raises:
        ModelError: says why not.
    """
    if family in NOT_RELOADABLE:
        raise ModelError(
            f"A {capability.title} checkpoint of a {family} model could not be loaded again: {NOT_RELOADABLE[family]}. Choose "
            "another model or method."
        )


def check_packable(name: str, inputs: int, outputs: int, advice: str) -> None:
    """Refuses a layer that does not fill whole words.

    Raises:
        ModelError: names the layer.
    """
    if inputs % WORD or outputs % WORD:
        raise ModelError(
            f"Layer {name} is {outputs} x {inputs}; both sides are packed in words of {WORD}, so they must be "
            f"multiples of {WORD}. {advice}"
        )


def packed_details(model: Any, saved_format: str) -> dict[str, Any]:
    """Bits, groups, symmetry, order, saved format and kernel of a model in GPTQ's format."""
    config = model.config.quantization_config
    return {
        "bits": config.bits,
        "group_size": config.group_size,
        "sym": config.sym,
        "desc_act": config.desc_act,
        "format": saved_format,
        "kernel": model.hf_quantizer.optimum_quantizer.quant_linear.__name__,
    }


def packed_layout(model: Any) -> dict[str, tuple[Any, Any]]:
    """Type and shape of every buffer of the packed layers."""
    kernel = model.hf_quantizer.optimum_quantizer.quant_linear
    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, kernel)]
    return {
        f"{name}.{key}": (tensor.dtype, tensor.shape)
        for name, layer in layers
        for key, tensor in layer.state_dict(keep_vars=True).items()
    }


@contextmanager
def written_as(model: Any, saved_format: str, layout: dict[str, tuple[Any, Any]]) -> Iterator[None]:
    """Holds a model in the checkpoint format asked for, v1 unless it is v2, while files are written.

    In memory the zero points are in v2, which is what kernels compute with, and the config says so. Optimum's own save writes
    v1 zero points under a config that says v2, which loads as garbage.

    Args:
        model: packed, with v2 zero points.
        saved_format: "gptq" or "gptq_v2".
        layout: `packed_layout` right after quantizing.

    Raises:
        CheckpointError: a kernel has rewritten the weights since.
    """
    if packed_layout(model) != layout:
        raise CheckpointError(
            "The kernel has rewritten its packed weights for speed, so they can no longer be saved. Quantize with "
            f"GPTQConfig(..., backend={PACKING_KERNEL!r}) and choose the kernel when loading."
        )
    if saved_format == "gptq_v2":
        yield
        return
    with quiet_engine(), _as_v1(model):
        yield


@contextmanager
def _as_v1(model: Any) -> Iterator[None]:
    from gptqmodel.utils.model import hf_convert_gptq_v1_to_v2_format, hf_convert_gptq_v2_to_v1_format

    config, engine = model.config.quantization_config, model.hf_quantizer.optimum_quantizer
    hf_convert_gptq_v2_to_v1_format(model, config.sym, config.bits, engine.quant_linear, "gptq_v2", config.meta)
    config.format = "gptq"
    try:
        yield
    finally:
        hf_convert_gptq_v1_to_v2_format(model, config.bits, engine.quant_linear, "gptq", config.meta)
        config.format = "gptq_v2"


@contextmanager
def packing_environment(model: Any) -> Iterator[None]:
    """Packs without GPTQModel's extension where compiling it would take longer than it saves."""
    name = "GPTQMODEL_DISABLE_PACK_EXT"
    if name in os.environ or model.num_parameters() > COMPILE_ABOVE_WEIGHTS:
        yield
        return
    os.environ[name] = "1"
    try:
        yield
    finally:
        del os.environ[name]
