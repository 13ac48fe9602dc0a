"""GPTQ, AWQ, SmoothQuant and rounding of weights and activations through llm-compressor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..calibration.calibration_set import CalibrationSet
from ..config import MultilingualCalibrationConfig
from ..errors import ModelError
from .base import Backend
from .capability import Capability
from .layer_checks import linear_layers, named_layers, output_projection, require_layers, settled_group_size
from .llmcompressor_experts import SHARED_EXPERT_GATE, expert_layers, refuse_skipped_experts
from .llmcompressor_recipes import recipe_of
from .llmcompressor_run import compress, decompress, import_silently, mark_as_loaded, run
from .method_options import Choice, ModuleNames, Number, Option

SKIP = Option("skip_modules", (), ModuleNames(), "layers that stay as they are, beside the output projection")
DAMPENING = Option("dampening_frac", 0.01, Number(0, 1), "what is added to the diagonal of the Hessian, over its mean")
ACTIVATIONS = Option(
    "activations", "dynamic", Choice(("dynamic", "static")), "a range for each token, or one from the calibration set"
)

GPTQ = Capability(
    method="gptq",
    engine="llmcompressor",
    title="GPTQ (W4A16, W8A16)",
    bits=(4, 8),
    default_bits=4,
    group_sizes=(-1, 16, 32, 64, 128, 256),
    default_group_size=128,
    formats=("compressed-tensors",),
    packages=("llmcompressor>=0.14,<0.15",),
    extra="llmcompressor",
    balance="Rows are handed over in order, in batches without padding, and the Hessian weighs all of their tokens alike.",
    options=(DAMPENING, SKIP),
    source='Frantar et al., "GPTQ: accurate post-training quantization for generative pre-trained transformers" (2023)',
)
AWQ = replace(
    GPTQ,
    method="awq",
    title="AWQ (W4A16, W8A16)",
    balance="Channels are scaled by the mean activation over all tokens of all rows, each token alike.",
    options=(
        Option("n_grid", 20, Number(3, whole=True), "scales that are tried for each layer"),
        Option("duo_scaling", True, Choice((True, False)), "scale by weights too, not by activations alone"),
        SKIP,
    ),
    source='Lin et al., "AWQ: activation-aware weight quantization for on-device LLM compression and acceleration" (2024)',
)
SMOOTHQUANT = replace(
    GPTQ,
    method="smoothquant",
    title="SmoothQuant (W8A8)",
    bits=(8,),
    default_bits=None,
    group_sizes=(),
    default_group_size=None,
    balance="The range of a channel is the widest in any row, so each language widens it by its own outliers; "
    "GPTQ then weighs all tokens alike.",
    options=(
        Option("smoothing_strength", 0.8, Number(0, 1), "how much of the range of activations moves into the weights"),
        Option("rounding", "gptq", Choice(("gptq", "rtn")), "how weights are rounded: by GPTQ, or each to the nearest"),
        ACTIVATIONS,
        DAMPENING,
        SKIP,
    ),
    source='Xiao et al., "SmoothQuant: accurate and efficient post-training quantization for large language models" (2023)',
)
W8A8_STATIC = replace(
    SMOOTHQUANT,
    method="w8a8-static",
    title="8-bit weights and activations, static",
    balance="The range of an activation is the widest in any row, so each language widens it by its own outliers.",
    options=(SKIP,),
    source="https://github.com/vllm-project/llm-compressor",
)
W8A8_DYNAMIC = replace(
    W8A8_STATIC,
    method="w8a8-dynamic",
    title="8-bit weights and activations, dynamic",
    balance="It rounds weights as they are and reads no text.",
    needs_calibration=False,
)
FP8_DYNAMIC = replace(W8A8_DYNAMIC, method="fp8-dynamic", title="FP8 weights and activations, dynamic")

# Families whose layers are known to be found, so that scaling them leaves the function of the model as it was. For others
# llm-compressor 0.14 finds none, or scales a norm without all of the layers that read it (SmoothQuant of Gemma and Phi).
SCALED_FAMILIES = {
    AWQ.method: ("llama", "mistral", "qwen2", "qwen3", "cohere", "gemma2", "gemma3_text"),
    SMOOTHQUANT.method: ("llama", "mistral", "qwen2", "qwen3", "cohere", "bloom"),
}


class LLMCompressorBackend(Backend):
    """Quantizes all linear layers but the output projection, block after block, and leaves a compressed-tensors checkpoint."""

    capabilities = (GPTQ, AWQ, SMOOTHQUANT, W8A8_STATIC, W8A8_DYNAMIC, FP8_DYNAMIC)

    def __init__(self, config: MultilingualCalibrationConfig, capability: Capability):
        super().__init__(config, capability)
        import_silently()
        self.group_size = capability.group_size_of(config)
        self.options = capability.options_of(config)
        self.skipped: list[str] = []

    def check_model(self, model: Any) -> None:
        super().check_model(model)
        families = SCALED_FAMILIES.get(self.capability.method)
        if families is not None and model.config.model_type not in families:
            raise ModelError(
                f"{self.capability.name} scales layers against each other, and is known to leave models of "
                f"{', '.join(families)} otherwise as they were; this one is {model.config.model_type}. Choose 'gptq'."
            )
        experts = expert_layers(model, self.capability.method == GPTQ.method, self.capability)
        self.skipped = named_layers(model, self.options["skip_modules"])
        refuse_skipped_experts(experts, self.skipped)
        self.skipped += [name for name, _ in model.named_modules() if name.endswith(SHARED_EXPERT_GATE)]
        layers = {name: sizes for name, sizes in linear_layers(model).items() if name not in self.skipped} | experts
        require_layers(model, layers, self.capability)
        self.skipped += output_projection(model)
        if self.group_size is not None:
            self.group_size = settled_group_size(layers, self.config, self.capability)

    def quantize(self, model: Any, calibration_set: CalibrationSet | None) -> None:
        bits = self.capability.bits_of(self.config)
        recipe = recipe_of(self.capability.method, bits, self.group_size, self.options, self.skipped)
        run(model, recipe, calibration_set)
        mark_as_loaded(model)

    def details(self, model: Any) -> dict[str, Any]:
        upstream = model.config.quantization_config.quantization_config
        [scheme] = upstream.config_groups.values()
        groups = {} if self.group_size is None else {"group_size": self.group_size}
        return {
            "bits": scheme.weights.num_bits,
            **groups,
            "activations": "16 bits" if scheme.input_activations is None else _described(scheme.input_activations),
            **{name: value for name, value in self.options.items() if name != SKIP.name},
            "format": "compressed-tensors",
            "compression": upstream.format,
            "kernel": "Linear",
        }

    @contextmanager
    def checkpoint(self, model: Any) -> Iterator[None]:
        """Holds the weights as they are stored; in memory they are what loaders compute with, decompressed."""
        compress(model)
        try:
            yield
        finally:
            decompress(model)


def _described(activations: Any) -> str:
    return f"{activations.num_bits} bits, {'dynamic' if activations.dynamic else 'static'}"
