"""Half-quadratic quantization through hqq's own layers, in memory."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

from ..calibration.calibration_set import CalibrationSet
from ..config import MultilingualCalibrationConfig
from ..model_checks import require_one_device
from .base import Backend
from .capability import Capability
from .layer_checks import linear_layers, named_layers, refuse_fused_experts, require_layers, settled_group_size
from .method_options import ModuleNames, Option
from .quiet import quiet_import

HQQ = Capability(
    method="hqq",
    engine="hqq",
    title="HQQ",
    bits=(1, 2, 3, 4, 8),
    default_bits=4,
    group_sizes=(-1, 8, 16, 32, 64, 128, 256),
    default_group_size=64,
    formats=(),
    # hqq 0.2.8.post1, BaseHQQModel.load_weights; Transformers 5.17, HqqHfQuantizer has no get_quantize_ops.
    unsaved="hqq loads its checkpoints from a pickle alone, which can run code and is not written here, and Transformers loads "
    "none of them. It is there for measuring; a checkpoint is left by 'intx-weight-only' with "
    "method_options={'choose_qparams_algorithm': 'hqq_scale_only'}, and by 'nf4'.",
    packages=("hqq>=0.2.8,<0.3",),
    extra="hqq",
    balance="It rounds weights as they are and reads no text.",
    needs_calibration=False,
    options=(Option("skip_modules", (), ModuleNames(), "layers that stay as they are, beside the output projection"),),
    source='Badri and Shaji, "Half-quadratic quantization of large machine learning models" (2023)',
)


class HQQBackend(Backend):
    """Replaces linear layers by hqq's, whose zero points are fitted by a norm in which outliers among weights count little."""

    capabilities = (HQQ,)

    def __init__(self, config: MultilingualCalibrationConfig, capability: Capability):
        super().__init__(config, capability)
        with quiet_import():
            import hqq.core.quantize  # noqa: F401  imported here once, quietly
        self.bits, self.group_size = capability.bits_of(config), capability.group_size_of(config)
        self.skipped: list[str] = []

    def check_model(self, model: Any) -> None:
        super().check_model(model)
        refuse_fused_experts(model, model, self.capability)
        self.skipped = named_layers(model, self.capability.options_of(self.config)["skip_modules"])
        layers = self._layers(model)
        require_layers(model, layers, self.capability)
        self.group_size = settled_group_size(layers, self.config, self.capability)

    def _layers(self, model: Any) -> dict[str, tuple[int, int]]:
        return {name: sizes for name, sizes in linear_layers(model).items() if name not in self.skipped}

    def quantize(self, model: Any, calibration_set: CalibrationSet | None) -> None:
        from hqq.core.quantize import HQQLinear, hqq_base_quant_config
        from transformers.utils.quantization_config import QuantizationMethod

        require_one_device(getattr(model, "hf_device_map", None), self.capability.name)
        # Along the inputs of a layer, as HqqConfig does by default; None is all of them.
        settings = hqq_base_quant_config(self.bits, None if self.group_size == -1 else self.group_size, axis=1)
        for name in tqdm(self._layers(model), desc="Quantizing", unit="layer", disable=None):
            layer = model.get_submodule(name)
            quantized = HQQLinear(layer, settings, compute_dtype=model.dtype, device=str(layer.weight.device))
            model.set_submodule(name, quantized)
        # Transformers moves hqq's layers, which `Module.to` leaves where they are, by this mark.
        model.is_quantized, model.quantization_method = True, QuantizationMethod.HQQ

    def details(self, model: Any) -> dict[str, Any]:
        return {"bits": self.bits, "group_size": self.group_size, "kernel": "HQQLinear"}
