"""Quantized checkpoints loaded so that gradients pass through them."""

from __future__ import annotations

from typing import Any

from ..model_checks import load_config
from .quiet import quiet_import


def trainable_options(name: str) -> dict[str, Any]:
    """Arguments of `from_pretrained` for a checkpoint whose default kernel has no gradient.

    GPTQ's default on a CPU computes with an operation that torch cannot take backwards (gptqmodel 7.6.0,
    TorchAtenLinear); the plain kernel dequantizes and multiplies.
    """
    given = getattr(load_config(name), "quantization_config", None) or {}
    if given.get("quant_method") != "gptq":
        return {}
    with quiet_import():
        from transformers import GPTQConfig

        return {"quantization_config": GPTQConfig(bits=given["bits"], backend="torch")}


def keep_layout(model: Any) -> Any:
    """Keeps bitsandbytes from repacking 4-bit weights for a CPU with AVX512-BF16 in the first pass, in place.

    Repacked weights have no gradient and cannot be saved (bitsandbytes 0.50.2). Loaders choose anew.
    """
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False
    return model
