"""GPTQ through Transformers' GPTQConfig, Optimum and GPTQModel."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ..calibration.calibration_set import CalibrationSet
from ..config import MultilingualCalibrationConfig
from ..errors import ConfigError, ModelError
from .base import Backend
from .capability import Capability
from .layer_checks import check_group_size, fitting_group_size, refuse_fused_experts
from .packed_gptq import (
    PACKING_KERNEL,
    check_packable,
    packed_details,
    packed_layout,
    packing_environment,
    refuse_family,
    written_as,
)
from .quiet import quiet_engine, quiet_import
from .row_batches import batches_of, rows_of_a_pass
from .shared_passes import layers_with_one_input, one_pass_for_each_group

GPTQ = Capability(
    method="gptq",
    engine="optimum",
    title="GPTQ",
    bits=(2, 3, 4, 8),
    default_bits=4,
    group_sizes=(-1, 16, 32, 64, 128, 256, 512, 1024),
    default_group_size=128,
    formats=("gptq", "gptq_v2"),
    packages=("optimum>=2.0", "gptqmodel>=7.6,<7.7"),
    extra="gptq",
    balance="Rows are handed over in order, in batches without padding, and the engine weighs all of their tokens alike.",
    upstream="GPTQConfig",
    # Loaders choose a kernel of lower precision; with GPTQConfig(bits=4, backend="torch") the logits are the same.
    tolerance=0.05,
    source='Frantar et al., "GPTQ: accurate post-training quantization for generative pre-trained transformers" (2023)',
)

# Those that rewrite their packed weights; see PACKING_KERNEL.
REWRITING_KERNELS = ("torch_aten", "gptq_torch_aten", "torch_fused", "gptq_torch_fused")


class GPTQBackend(Backend):
    """GPTQ: rows go to Optimum as they are and in order; it forwards every row and no other.

    Source: Frantar et al., "GPTQ: accurate post-training quantization for generative pre-trained transformers" (2023).
    """

    capabilities = (GPTQ,)
    rows_held = 2  # before and behind a block

    def __init__(self, config: MultilingualCalibrationConfig, capability: Capability):
        super().__init__(config, capability)
        with quiet_import():
            from gptqmodel import BACKEND
            from optimum.gptq import GPTQQuantizer  # noqa: F401  imported here once, quietly
            from transformers.quantizers.quantizer_gptq import GptqHfQuantizer
        self.upstream = _upstream_config(config)
        _require("backend", self.upstream.backend, tuple(backend.value for backend in BACKEND))
        GptqHfQuantizer(self.upstream, pre_quantized=False).validate_environment()
        self.saved_format = self.upstream.format
        self._group_size_is_free = isinstance(config.method, str) and config.group_size is None

    def check_model(self, model: Any) -> None:
        """Refuses families, sizes and experts that GPTQ through Optimum cannot do or would pass over.

        Raises:
            ModelError: says which layer or family, and what to do.
        """
        super().check_model(model)
        refuse_family(model.config.model_type, self.capability)
        blocks, layers = self._layers(model)
        refuse_fused_experts(model, blocks, self.capability)
        if self._group_size_is_free:
            self.upstream.group_size = fitting_group_size((inputs for inputs, _ in layers.values()), self.capability)
        for name, shape in layers.items():
            self._check_layer(name, *shape)

    def _layers(self, model: Any) -> tuple[Any, dict[str, tuple[int, int]]]:
        from optimum.gptq.utils import get_block_name_with_pattern, get_layers

        try:
            block_name = self.upstream.block_name_to_quantize or get_block_name_with_pattern(model)
            blocks = model.get_submodule(block_name)
        except (ValueError, AttributeError) as error:
            raise ModelError(
                f"The transformer blocks of {type(model).__name__} were not found ({error}); name them: "
                'GPTQConfig(..., block_name_to_quantize="model.layers").'
            ) from error
        chosen = [name for names in self.upstream.modules_in_block_to_quantize or [] for name in names]
        found = {
            name: (layer.weight.shape[1], layer.weight.shape[0])
            for name, layer in get_layers(blocks).items()
            if not chosen or any(name.endswith(ending) for ending in chosen)
        }
        if not found:
            raise ModelError(f"{type(model).__name__} has no linear layer in {block_name} that GPTQ could quantize.")
        return blocks, found

    def _check_layer(self, name: str, inputs: int, outputs: int) -> None:
        check_group_size(name, inputs, self.upstream.group_size, self.capability)
        advice = "Quantize other layers only: GPTQConfig(..., modules_in_block_to_quantize=[[...]])."
        check_packable(name, inputs, outputs, advice)

    def quantize(self, model: Any, calibration_set: CalibrationSet | None) -> None:
        """Quantizes a loaded model in place; afterwards it carries upstream's own quantizer and config, without texts."""
        assert calibration_set is not None
        from transformers.quantizers.quantizer_gptq import GptqHfQuantizer
        from transformers.utils.quantization_config import QuantizationMethod

        quantizer = GptqHfQuantizer(self.upstream, pre_quantized=False)
        quantizer.validate_environment()
        engine = quantizer.optimum_quantizer
        # Handed over here and not in GPTQConfig(dataset=...), from where it would go into the published config.json.
        rows = 1 if engine.batch_size > 1 else rows_of_a_pass(calibration_set)
        engine.dataset = batches_of(calibration_set, rows)
        with quiet_engine(), packing_environment(model), self._grouped(model, engine):
            quantizer.postprocess_model(model)
        config = model.config.quantization_config
        config.dataset = config.tokenizer = quantizer.optimum_quantizer.dataset = None
        quantizer.quantization_config = config
        model.hf_quantizer = quantizer
        model.is_quantized, model.quantization_method = True, QuantizationMethod.GPTQ
        self._packed = packed_layout(model)

    @contextmanager
    def _grouped(self, model: Any, engine: Any) -> Iterator[None]:
        """Lets Optimum run the rows once for all layers with one input, where the user has not said otherwise."""
        blocks, _ = self._layers(model)
        free = engine.true_sequential and not engine.modules_in_block_to_quantize
        groups = layers_with_one_input(model, blocks) if free else None
        if groups is None:
            yield
            return
        engine.modules_in_block_to_quantize = groups
        with one_pass_for_each_group(blocks):
            yield
        model.config.quantization_config.modules_in_block_to_quantize = engine.modules_in_block_to_quantize = None

    def details(self, model: Any) -> dict[str, Any]:
        return packed_details(model, self.saved_format)

    def checkpoint(self, model: Any) -> AbstractContextManager[None]:
        return written_as(model, self.saved_format, self._packed)


def _upstream_config(config: MultilingualCalibrationConfig) -> Any:
    from transformers import GPTQConfig

    if isinstance(config.method, str):
        bits, group_size = GPTQ.bits_of(config), GPTQ.group_size_of(config)
        assert group_size is not None
        by_group = group_size != -1
        return GPTQConfig(bits=bits, group_size=group_size, act_group_aware=by_group, backend=PACKING_KERNEL)
    upstream = copy.copy(config.method)
    upstream.tokenizer = None
    if upstream.dataset is not None:
        raise ConfigError(
            "GPTQConfig(dataset=...) and a calibration set of ours exclude each other; leave dataset out."
        )
    _require("group_size", upstream.group_size, GPTQ.group_sizes)
    _require("format", upstream.format, GPTQ.formats)
    if not upstream.sym and upstream.format == "gptq":
        raise ConfigError(
            "GPTQConfig(sym=False) needs format='gptq_v2': the v1 format stores zero points minus one, and readers of it "
            "get the zero point 0 wrong. Give GPTQConfig(..., sym=False, format='gptq_v2'), or sym=True."
        )
    if upstream.group_size == -1 and upstream.act_group_aware:
        raise ConfigError(
            "GPTQConfig(group_size=-1) has no groups to order by activation; give act_group_aware=False or desc_act=True."
        )
    if upstream.batch_size > 1 and upstream.pad_token_id is None:
        raise ConfigError(
            f"GPTQConfig(batch_size={upstream.batch_size}) needs pad_token_id. Rows have one length and nothing is "
            "padded, so any token will do: pad_token_id=0."
        )
    if upstream.backend in REWRITING_KERNELS:
        raise ConfigError(
            f"The kernel {upstream.backend!r} rewrites its packed weights on first use, so the model could not be saved. "
            f"Give backend={PACKING_KERNEL!r} here and choose the kernel when loading."
        )
    if upstream.backend == "auto":
        upstream.backend = PACKING_KERNEL
    return upstream


def _require(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"GPTQ cannot do {name}={value!r}; allowed are {', '.join(map(str, allowed))}.")
