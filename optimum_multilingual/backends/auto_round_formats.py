"""The formats in which AutoRound's weights are written: its own, and those of GPTQ and AWQ, which more programs read."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import Any

from ..errors import ConfigError
from .capability import Capability
from .packed_gptq import PACKING_KERNEL, check_packable

# Name of auto-round -> name of the format. Its third, GGUF, asks for sentencepiece and takes bits and groups of its own.
FORMATS = {"auto_round": "auto-round", "auto_gptq": "gptq", "auto_awq": "awq"}

AWQ_BITS = 4


def require_format(capability: Capability, written: str, bits: int, sym: bool) -> None:
    """Checks that a format can hold the weights, and that the package that loads it is there.

    Args:
        capability: of AutoRound.
        written: one of `FORMATS`.
        bits: of a weight.
        sym: no zero points.

    Raises:
        ConfigError: the format cannot hold these weights.
        MissingPackageError: GPTQModel is not installed, or in a version that does not work.
    """
    if written == "auto_round":
        return
    if written == "auto_awq" and bits != AWQ_BITS:
        raise ConfigError(
            f"{capability.name} cannot do format='auto_awq' with bits={bits}; AWQ has {AWQ_BITS}. Leave format out."
        )
    if written == "auto_gptq" and not sym:
        raise ConfigError(
            f"{capability.name} cannot do format='auto_gptq' with sym=False: the format stores zero points minus one, and "
            "readers of it get the zero point 0 wrong. Give sym=True, or another format."
        )
    replace(capability, packages=("gptqmodel>=7.6,<7.7",), extra=f"{capability.extra},gptq").require_packages()


def check_format(layers: dict[str, tuple[int, int]], written: str) -> None:
    """Refuses layers that a format cannot pack.

    Args:
        layers: (inputs, outputs) of those that are quantized.
        written: one of `FORMATS`.

    Raises:
        ModelError: names the layer.
    """
    if written != "auto_round":
        for name, (inputs, outputs) in layers.items():
            check_packable(name, inputs, outputs, "Leave format out of method_options.")


def loading_config(written: str, bits: int) -> Any:
    """The upstream config that loads a format with a kernel that keeps weights as they are stored; others repack them."""
    from transformers import AutoRoundConfig, AwqConfig, GPTQConfig
    from transformers.utils.quantization_config import AwqBackend

    if written == "auto_gptq":
        return GPTQConfig(bits=bits, backend=PACKING_KERNEL)
    if written == "auto_awq":
        return AwqConfig(bits=bits, backend=AwqBackend.TORCH_AWQ)
    return AutoRoundConfig(backend="torch")


def describe(upstream: Any, written: str) -> None:
    """Has the config of a loaded model say what is in memory and who made it; whoever loads its checkpoint chooses a kernel."""
    upstream.backend = "auto"
    if written == "auto_round":
        return
    upstream.meta, upstream.act_group_aware = {"quantizer": [f"auto_round:{version('auto-round')}"]}, False
    if written == "auto_gptq":
        upstream.format = "gptq_v2"  # loading has turned the zero points into what kernels compute with
