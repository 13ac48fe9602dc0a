"""How a published checkpoint is loaded: in Transformers, and in vLLM where vLLM reads its format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from packaging.requirements import Requirement

from ..backends import find_capability

# quant_method of config.json -> whether vLLM reads what it says. Formats that are not here are not claimed.
# Source: vllm/model_executor/layers/quantization of vLLM (gptq, gptq_marlin, awq, bitsandbytes, compressed_tensors, auto_round).
VLLM_READS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "gptq": lambda config: config.get("bits") in (2, 3, 4, 8) and {"group_size", "desc_act", "sym"} <= config.keys(),
    "awq": lambda config: config.get("bits") == 4 and "group_size" in config,
    "bitsandbytes": lambda config: config.get("bnb_4bit_quant_storage", "uint8") == "uint8",
    "compressed-tensors": lambda config: bool(config.get("config_groups")),
    "auto-round": lambda config: config.get("bits") in (2, 3, 4, 8) and "group_size" in config,
}


def read_by_vllm(quantization: Mapping[str, Any]) -> bool:
    """Whether vLLM reads a checkpoint with this `quantization_config`.

    >>> read_by_vllm({"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False, "sym": True})
    True
    """
    return VLLM_READS.get(quantization.get("quant_method", ""), lambda config: False)(quantization)


def packages_to_load(method: str | None, engine: str | None, quantization: Mapping[str, Any]) -> tuple[str, ...]:
    """What has to be installed beside Transformers to load what an engine made of a method.

    >>> packages_to_load("gptq", "optimum", {"quant_method": "gptq"})
    ('gptqmodel', 'optimum')

    Args:
        method: name of the method.
        engine: which did it.
        quantization: `quantization_config` of the checkpoint; some engines write formats of others.
    """
    written_as = (quantization.get("quant_method"), "gptqmodel")
    theirs = find_capability(*written_as) if engine == "auto-round" else None
    capability = theirs or find_capability(method, engine)
    return () if capability is None else tuple(sorted(Requirement(each).name for each in capability.packages))


def loader_of(method: str | None, engine: str | None) -> tuple[str, str]:
    """Module and class whose `from_pretrained` loads what an engine made of a method."""
    capability = find_capability(method, engine)
    if capability is None:
        return "transformers", "AutoModelForCausalLM"
    module, name = capability.loader.split(":")
    return module, name
