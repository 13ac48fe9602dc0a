"""Rounding to integers through Transformers and torchao."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from ..calibration.calibration_set import CalibrationSet
from ..config import MultilingualCalibrationConfig
from .base import Backend
from .capability import Capability
from .layer_checks import linear_layers, named_layers, refuse_fused_experts, require_layers, settled_group_size
from .method_options import Choice, Option
from .on_the_fly import SKIP, names_to_skip, quantize_by_loading, require_output_projection
from .quiet import quiet_import

INT8_WEIGHT_ONLY = Capability(
    method="int8-weight-only",
    engine="torchao",
    title="8-bit weights",
    bits=(8,),
    group_sizes=(),
    formats=("torchao",),
    packages=("torchao>=0.17,<0.19",),
    extra="torchao",
    balance="It rounds weights as they are and reads no text.",
    needs_calibration=False,
    upstream="TorchAoConfig",
    options=(SKIP,),
    source="https://github.com/pytorch/ao",
)
INT8_DYNAMIC = replace(INT8_WEIGHT_ONLY, method="int8-dynamic", title="8-bit weights and activations, dynamic")
INTX_WEIGHT_ONLY = replace(
    INT8_WEIGHT_ONLY,
    method="intx-weight-only",
    title="2 to 8-bit weights",
    bits=(2, 3, 4, 5, 6, 7, 8),
    default_bits=4,
    group_sizes=(-1, 16, 32, 64, 128, 256),
    default_group_size=32,
    options=(
        Option(
            "choose_qparams_algorithm",
            "affine",
            Choice(("affine", "hqq_scale_only")),
            "scales from the largest weight of a group, or fitted to all of them as HQQ does, without zero points",
        ),
        SKIP,
    ),
)
EIGHT_DYNAMIC_FOUR = replace(
    INTX_WEIGHT_ONLY,
    method="8da4w",
    title="4-bit weights, dynamic 8-bit activations",
    bits=(4,),
    default_bits=None,
    options=(SKIP,),
)

# Class of torchao -> what it does.
METHODS = {
    "Int8WeightOnlyConfig": INT8_WEIGHT_ONLY,
    "Int8DynamicActivationInt8WeightConfig": INT8_DYNAMIC,
    "Int8DynamicActivationIntxWeightConfig": EIGHT_DYNAMIC_FOUR,
    "IntxWeightOnlyConfig": INTX_WEIGHT_ONLY,
}


class TorchAOBackend(Backend):
    """Rounds the weights of all linear layers but the output projection; Transformers does it as it loads a model."""

    capabilities = (INT8_WEIGHT_ONLY, INT8_DYNAMIC, EIGHT_DYNAMIC_FOUR, INTX_WEIGHT_ONLY)

    def __init__(self, config: MultilingualCalibrationConfig, capability: Capability):
        super().__init__(config, capability)
        with quiet_import():
            import torchao  # noqa: F401  imported here once, quietly
        self.group_size = capability.group_size_of(config) if isinstance(config.method, str) else None
        self.skipped: list[str] | None = None

    @classmethod
    def method_of(cls, upstream: Any) -> str | None:
        if type(upstream).__name__ != "TorchAoConfig":
            return None
        found = METHODS.get(type(upstream.quant_type).__name__)
        return None if found is None else found.method

    def check_model(self, model: Any) -> None:
        super().check_model(model)
        refuse_fused_experts(model, model, self.capability)
        skipped = named_layers(model, self.capability.options_of(self.config)[SKIP.name])
        left = {name: sizes for name, sizes in linear_layers(model).items() if name not in skipped}
        require_layers(model, left, self.capability)
        if self.group_size is not None:
            self.group_size = settled_group_size(left, self.config, self.capability)
        self.skipped = names_to_skip(model, skipped)
        if not isinstance(self.config.method, str):
            names = self.config.method.modules_to_not_convert
            require_output_projection(model, self.config, "modules_to_not_convert", names, ending=".weight")

    def quantize(self, model: Any, calibration_set: CalibrationSet | None) -> None:
        quantize_by_loading(model, self._upstream_config())

    def _upstream_config(self) -> Any:
        from transformers import TorchAoConfig

        if not isinstance(self.config.method, str):
            return copy.copy(self.config.method)
        return TorchAoConfig(self._rounding(), modules_to_not_convert=self.skipped)

    def _rounding(self) -> Any:
        import torch
        from torchao import quantization
        from torchao.quantization.quantize_.workflows import IntxChooseQParamsAlgorithm

        method = self.capability.method
        if method == INT8_WEIGHT_ONLY.method:
            return quantization.Int8WeightOnlyConfig()
        if method == INT8_DYNAMIC.method:
            return quantization.Int8DynamicActivationInt8WeightConfig()
        kind = getattr(torch, f"int{self.capability.bits_of(self.config)}")
        assert self.group_size is not None
        by_group = quantization.PerAxis(0) if self.group_size == -1 else quantization.PerGroup(self.group_size)
        if method == EIGHT_DYNAMIC_FOUR.method:
            return quantization.Int8DynamicActivationIntxWeightConfig(weight_dtype=kind, weight_granularity=by_group)
        algorithm = self.capability.options_of(self.config)["choose_qparams_algorithm"]
        return quantization.IntxWeightOnlyConfig(
            weight_dtype=kind,
            granularity=by_group,
            intx_choose_qparams_algorithm=IntxChooseQParamsAlgorithm(algorithm),
        )

    def details(self, model: Any) -> dict[str, Any]:
        rounding = model.config.quantization_config.quant_type
        kind = str(getattr(rounding, "weight_dtype", "int8")).removeprefix("torch.")
        groups = getattr(rounding, "weight_granularity", getattr(rounding, "granularity", None))
        layers = [type(layer.weight).__name__ for layer in model.modules() if type(layer).__name__ == "Linear"]
        algorithm = getattr(rounding, "intx_choose_qparams_algorithm", None)
        return {
            "bits": int(kind.removeprefix("int")),
            "group_size": -1 if type(groups).__name__ == "PerAxis" else getattr(groups, "group_size", None),
            **({} if algorithm is None else {"choose_qparams_algorithm": algorithm.value}),
            "format": "torchao",
            "kernel": next(name for name in layers if name != "Parameter"),
        }
