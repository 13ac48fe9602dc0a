"""LLM.int8(), NF4 and FP4 through Transformers and bitsandbytes."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from ..calibration.calibration_set import CalibrationSet
from ..config import MultilingualCalibrationConfig
from ..errors import ConfigError
from .base import Backend
from .capability import Capability
from .layer_checks import linear_layers, named_layers, refuse_fused_experts, require_layers
from .method_options import Choice, Number, Option
from .on_the_fly import SKIP, names_to_skip, quantize_by_loading, require_output_projection
from .quiet import quiet_import, quiet_logger

LLM_INT8 = Capability(
    method="llm.int8",
    engine="bitsandbytes",
    title="LLM.int8()",
    bits=(8,),
    group_sizes=(),
    formats=("bitsandbytes",),
    packages=("bitsandbytes>=0.49,<0.51",),
    extra="bitsandbytes",
    balance="It rounds weights as they are and reads no text.",
    needs_calibration=False,
    upstream="BitsAndBytesConfig",
    options=(
        Option("threshold", 6.0, Number(0), "activations beyond it are multiplied in 16 bits"),
        SKIP,
    ),
    source='Dettmers et al., "LLM.int8(): 8-bit matrix multiplication for transformers at scale" (2022)',
)
NF4 = replace(
    LLM_INT8,
    method="nf4",
    title="NF4 (QLoRA)",
    bits=(4,),
    group_sizes=(64,),
    default_group_size=64,
    options=(
        Option("double_quant", False, Choice((True, False)), "quantize the scales too, which saves 0.4 bits a weight"),
        SKIP,
    ),
    # A CPU with AVX512-BF16 computes with scales and sums rounded to bfloat16 after loading, not in memory; see quantize.
    tolerance=0.05,
    source='Dettmers et al., "QLoRA: efficient finetuning of quantized LLMs" (2023)',
)
FP4 = replace(NF4, method="fp4", title="FP4")

METHODS = {"llm_int8": LLM_INT8, "nf4": NF4, "fp4": FP4}
LAYERS = ("Linear", "Conv1D")


class BitsAndBytesBackend(Backend):
    """Rounds the weights of all linear layers but the output projection; Transformers does it as it loads a model."""

    capabilities = (LLM_INT8, NF4, FP4)

    def __init__(self, config: MultilingualCalibrationConfig, capability: Capability):
        super().__init__(config, capability)
        with quiet_import():
            import bitsandbytes  # noqa: F401  imported here once, quietly
        self.upstream = self._upstream_config()

    @classmethod
    def method_of(cls, upstream: Any) -> str | None:
        if type(upstream).__name__ != "BitsAndBytesConfig":
            return None
        asked = upstream.quantization_method()
        if asked is None or upstream.llm_int8_has_fp16_weight:
            raise ConfigError(
                "BitsAndBytesConfig must ask for 8 or 4 bits that can be saved: BitsAndBytesConfig(load_in_8bit=True), or "
                "BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type='nf4'), and without llm_int8_has_fp16_weight."
            )
        return METHODS[asked].method

    def _upstream_config(self) -> Any:
        from transformers import BitsAndBytesConfig

        if not isinstance(self.config.method, str):
            return copy.copy(self.config.method)
        options = self.capability.options_of(self.config)
        if self.capability.method == LLM_INT8.method:
            return BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=float(options["threshold"]))
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=self.capability.method,
            bnb_4bit_use_double_quant=options["double_quant"],
        )

    def check_model(self, model: Any) -> None:
        super().check_model(model)
        refuse_fused_experts(model, model, self.capability)
        skipped = named_layers(model, self.capability.options_of(self.config)[SKIP.name])
        left = {name: sizes for name, sizes in linear_layers(model, LAYERS).items() if name not in skipped}
        require_layers(model, left, self.capability)
        if isinstance(self.config.method, str):
            self.upstream.llm_int8_skip_modules = names_to_skip(model, skipped)
            self.upstream.bnb_4bit_compute_dtype = model.dtype
        else:
            names = self.upstream.llm_int8_skip_modules
            require_output_projection(model, self.config, "llm_int8_skip_modules", names)

    def quantize(self, model: Any, calibration_set: CalibrationSet | None) -> None:
        import bitsandbytes as bnb

        quantize_by_loading(model, self.upstream)
        for layer in model.modules():
            if isinstance(layer, bnb.nn.Linear4bit):
                # On CPUs with AVX512-BF16 the first pass repacks the weights, and saving them then writes their scales in
                # another order, which loads as garbage (bitsandbytes 0.50.2: _convert_weight_packed_for_cpu_inverse puts
                # `absmax` back in order with double quantization only). Loaders choose anew.
                layer.support_avx512bf16_for_cpu = False

    def details(self, model: Any) -> dict[str, Any]:
        upstream = model.config.quantization_config
        if self.capability.method == LLM_INT8.method:
            return {
                "bits": 8,
                "threshold": upstream.llm_int8_threshold,
                "format": "bitsandbytes",
                "kernel": "Linear8bitLt",
            }
        return {
            "bits": 4,
            "group_size": NF4.default_group_size,
            "double_quant": upstream.bnb_4bit_use_double_quant,
            "format": "bitsandbytes",
            "kernel": "Linear4bit",
        }

    def running(self) -> AbstractContextManager[None]:
        # It says of every layer in every pass that inputs become float16.
        return quiet_logger("bitsandbytes.autograd._functions")
