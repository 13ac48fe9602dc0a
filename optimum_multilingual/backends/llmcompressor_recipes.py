"""Which modifiers of llm-compressor a method is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# A range for each output of a layer, or for each token of an activation.
INT8_CHANNEL = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel"}
INT8_TOKEN = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "token", "dynamic": True}
# "minmax", which is upstream's default, is a moving average: the last rows would weigh most.
INT8_TENSOR = {
    "num_bits": 8,
    "type": "int",
    "symmetric": True,
    "strategy": "tensor",
    "dynamic": False,
    "observer": "static_minmax",
}
FP8_CHANNEL = {**INT8_CHANNEL, "type": "float"}
FP8_TOKEN = {**INT8_TOKEN, "type": "float"}


def recipe_of(
    method: str, bits: int, group_size: int | None, options: dict[str, Any], skipped: Sequence[str]
) -> list[Any]:
    """The modifiers of a method, in the order in which they run.

        recipe_of("smoothquant", 8, None, {"rounding": "gptq", ...}, ["lm_head"])
        -> [SmoothQuantModifier, GPTQModifier]

    Args:
        method: one of the engine's.
        bits: of a weight.
        group_size: inputs that share a scale; -1 is all of a layer, None where the method has no groups.
        options: of the method, all of them.
        skipped: full names of the layers that stay as they are.
    """
    from llmcompressor.modifiers.gptq import GPTQModifier
    from llmcompressor.modifiers.quantization import QuantizationModifier
    from llmcompressor.modifiers.transform.awq import AWQModifier
    from llmcompressor.modifiers.transform.smoothquant import SmoothQuantModifier

    group = {"targets": ["Linear"], "weights": weights_of(method, bits, group_size)}
    if (activations := activations_of(method, options)) is not None:
        group["input_activations"] = activations
    scheme: dict[str, Any] = {"config_groups": {"group_0": group}, "ignore": list(skipped)}
    if method == "awq":
        return [
            AWQModifier(n_grid=options["n_grid"], duo_scaling=options["duo_scaling"]),
            QuantizationModifier(**scheme),
        ]
    by_gptq = method == "gptq" or options.get("rounding") == "gptq"
    rounding = (
        GPTQModifier(**scheme, dampening_frac=options["dampening_frac"]) if by_gptq else QuantizationModifier(**scheme)
    )
    if method == "smoothquant":
        return [SmoothQuantModifier(smoothing_strength=options["smoothing_strength"]), rounding]
    return [rounding]


def weights_of(method: str, bits: int, group_size: int | None) -> dict[str, Any]:
    """How weights are quantized, as compressed-tensors says it."""
    if method == "fp8-dynamic":
        return FP8_CHANNEL
    if group_size is None:
        return INT8_CHANNEL
    by_group = {"strategy": "channel"} if group_size == -1 else {"strategy": "group", "group_size": group_size}
    return {"num_bits": bits, "type": "int", "symmetric": True, **by_group}


def activations_of(method: str, options: dict[str, Any]) -> dict[str, Any] | None:
    """How activations are quantized, as compressed-tensors says it; None where they stay as they are."""
    if method in ("gptq", "awq"):
        return None
    if method == "fp8-dynamic":
        return FP8_TOKEN
    static = method == "w8a8-static" or options.get("activations") == "static"
    return INT8_TENSOR if static else INT8_TOKEN
