"""Mixture-of-experts through llm-compressor, which makes linear layers of each expert: which families load again."""

from __future__ import annotations

from typing import Any

from ..errors import ModelError
from .capability import Capability
from .layer_checks import fused_experts

# Whose experts Transformers 5.17 loads as they were, from weights alone that were quantized. Those of 8 bits whose activations
# are quantized too do not load (integers) or load without (FP8), and those of Mixtral load as random weights.
FAMILIES = ("qwen2_moe", "qwen3_moe")

# It weighs the expert that every token goes to, by one number; loaders look for it as it was.
SHARED_EXPERT_GATE = "shared_expert_gate"


def expert_layers(model: Any, weights_alone: bool, capability: Capability) -> dict[str, tuple[int, int]]:
    """(inputs, outputs) of the experts' layers, by the tensor that holds them all; empty for a dense model.

    Args:
        model: on the meta device.
        weights_alone: whether activations stay as they are.
        capability: the method.

    Raises:
        ModelError: what is saved of these experts would not load.
    """
    experts = fused_experts(model)
    family = model.config.model_type
    if experts and not (weights_alone and family in FAMILIES):
        raise ModelError(
            f"{type(model).__name__} keeps experts in fused tensors ({next(iter(experts))}). Of {capability.name}, Transformers "
            f"would not load those of a {family} model again as they were. It does of 'gptq' with engine='llmcompressor', for "
            f"{' and '.join(FAMILIES)}; choose that, or a dense model."
        )
    return experts


def refuse_skipped_experts(experts: dict[str, tuple[int, int]], skipped: list[str]) -> None:
    """Refuses to leave experts as they are, which loaders look for quantized.

    Raises:
        ModelError: names of layers to skip hold some.
    """
    held = [name for name in skipped if any(tensor.startswith(f"{name}.") for tensor in experts)]
    if held:
        raise ModelError(
            f"skip_modules leaves experts as they are ({held[0]}), and loaders take them quantized; name others."
        )
