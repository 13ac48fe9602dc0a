"""Linear quantization of weights, and of activations with static scales, through optimum-quanto's own API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..calibration.calibration_set import CalibrationSet, write_json
from ..config import MultilingualCalibrationConfig
from ..errors import ConfigError, ModelError
from .base import Backend
from .capability import Capability
from .layer_checks import linear_layers, named_layers, output_projection, refuse_fused_experts, require_layers
from .method_options import Choice, ModuleNames, Number, Option
from .quiet import quiet_import

# Says which layers are quantized and how; QuantizedModelForCausalLM looks for it beside the weights.
MAP_FILE = "quanto_qmap.json"

KINDS = Choice(("int", "float8"))
WEIGHTS = Option("weights", "int", KINDS, "integers of any bits, or float8 with bits=8")
SKIP = Option("skip_modules", (), ModuleNames(), "layers that stay as they are, beside the output projection")

QUANTO = Capability(
    method="quanto",
    engine="quanto",
    title="Quanto, weights",
    bits=(8, 4, 2),
    default_bits=8,
    group_sizes=(),
    formats=("quanto",),
    packages=("optimum-quanto>=0.2.7,<0.3",),
    extra="quanto",
    balance="It rounds weights as they are and reads no text.",
    needs_calibration=False,
    options=(WEIGHTS, SKIP),
    loader="optimum.quanto:QuantizedModelForCausalLM",
    source="https://github.com/huggingface/optimum-quanto",
)
QUANTO_ACTIVATIONS = replace(
    QUANTO,
    method="quanto-activations",
    title="Quanto, weights and activations",
    needs_calibration=True,
    balance="Ranges are a moving average in which late rows weigh most; languages take turns, so none is late.",
    options=(
        WEIGHTS,
        Option("activations", "int", KINDS, "8-bit integers or float8"),
        Option("momentum", 0.9, Number(0, 1), "weight of the rows before in the average of outputs; inputs keep 0.9"),
        SKIP,
    ),
)


class QuantoBackend(Backend):
    """Replaces linear layers by Quanto's; activations get the range they have on the calibration rows."""

    capabilities = (QUANTO, QUANTO_ACTIVATIONS)

    def __init__(self, config: MultilingualCalibrationConfig, capability: Capability):
        super().__init__(config, capability)
        with quiet_import():
            import optimum.quanto  # noqa: F401  imported here once, quietly
        self.bits, self.options = capability.bits_of(config), capability.options_of(config)
        self.skipped: list[str] = []
        if self.options["weights"] == "float8" and self.bits != 8:
            raise ConfigError(
                f"{capability.name} cannot do weights='float8' with bits={self.bits}; float8 has 8 bits. Give bits=8, or "
                "weights='int'."
            )

    def check_model(self, model: Any) -> None:
        super().check_model(model)
        if self.capability.needs_calibration and model.config.model_type == "gpt_neox":
            # Its attention cuts a quantized output in three, whose parts keep the whole's size (optimum-quanto 0.2.7).
            raise ModelError(f"{self.capability.name} cannot run a gpt_neox model; choose 'quanto', or another method.")
        refuse_fused_experts(model, model, self.capability)
        self.skipped = named_layers(model, self.options["skip_modules"])
        left = {name: sizes for name, sizes in linear_layers(model).items() if name not in self.skipped}
        require_layers(model, left, self.capability)
        self.skipped += output_projection(model)

    def quantize(self, model: Any, calibration_set: CalibrationSet | None) -> None:
        from optimum.quanto import freeze, quantize

        kinds = {"weights": self._kind("weights", self.bits)}
        if calibration_set is not None:
            kinds["activations"] = self._kind("activations", 8)
        quantize(model, **kinds, exclude=self.skipped)
        if calibration_set is not None:
            self._calibrate(model, calibration_set)
        freeze(model)

    def _kind(self, option: str, bits: int) -> str:
        return "qfloat8" if self.options[option] == "float8" else f"qint{bits}"

    def _calibrate(self, model: Any, calibration_set: CalibrationSet) -> None:
        import torch
        from optimum.quanto import Calibration

        # Without streamlining: it turns quantized outputs off in memory only, and what loads is another model (optimum-quanto
        # 0.2.7: QModuleMixin.disable_output_quantization is not saved).
        with torch.no_grad(), Calibration(momentum=self.options["momentum"], streamline=False):
            for row in tqdm(calibration_set, desc="Calibrating", unit="row", disable=None):
                model(input_ids=torch.from_numpy(row.input_ids).long()[None].to(model.device), use_cache=False)

    def details(self, model: Any) -> dict[str, Any]:
        from optimum.quanto.nn import QModuleMixin

        # Norms get activations too, and keep their weights.
        quantized = (layer for layer in model.modules() if isinstance(layer, QModuleMixin))
        layer = next(layer for layer in quantized if layer.weight_qtype is not None)
        activations = {} if layer.activation_qtype is None else {"activations": layer.activation_qtype.name}
        return {
            "bits": layer.weight_qtype.bits,
            "group_size": layer.weight_group_size,
            "weights": layer.weight_qtype.name,
            **activations,
            "format": "quanto",
            "kernel": type(layer).__name__,
        }

    def save(self, model: Any, folder: Path, **options: Any) -> None:
        from optimum.quanto import quantization_map

        super().save(model, folder, **options)
        if options.get("is_main_process", True):
            write_json(folder / MAP_FILE, quantization_map(model))
