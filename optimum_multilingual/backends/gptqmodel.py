"""GPTQ and its descendants, round-to-nearest and AWQ through GPTQModel's own API, on a model in memory."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from ..calibration.calibration_set import CalibrationSet
from ..calibration.export import export_examples
from ..config import MultilingualCalibrationConfig
from ..errors import ModelError
from .base import Backend
from .capability import Capability
from .gptq import GPTQ as GPTQ_BY_OPTIMUM
from .gptqmodel_surroundings import at_work, require_one_device
from .layer_checks import linear_layers, refuse_fused_experts, require_layers, settled_group_size
from .method_options import Choice, Number, Option
from .packed_gptq import (
    PACKING_KERNEL,
    check_packable,
    packed_details,
    packed_layout,
    refuse_family,
    written_as,
)
from .quiet import quiet_engine, quiet_import
from .row_batches import rows_of_a_pass

DESC_ACT = Option("desc_act", False, Choice((True, False)), "quantize columns in the order of their activations")
DAMP = Option("damp_percent", 0.05, Number(0.0001, 0.9999), "of the mean of the Hessian's diagonal, added to it")

GPTQ = replace(
    GPTQ_BY_OPTIMUM,
    engine="gptqmodel",
    formats=("gptq",),
    packages=("optimum>=2.0", "gptqmodel>=7.6,<7.7"),
    balance="Rows are handed over in order, in batches without padding, and the engine weighs all of their tokens alike.",
    upstream=None,
    options=(DESC_ACT, DAMP),
)
GPTAQ = replace(
    GPTQ,
    method="gptaq",
    title="GPTAQ",
    balance="Rows are handed over in order, in batches without padding, and run through quantized and original layers both.",
    options=(Option("alpha", 0.25, Number(0, 1), "weight of the error of a layer's inputs"), DESC_ACT, DAMP),
    source='Li et al., "GPTAQ: efficient finetuning-free quantization for asymmetric calibration" (2025)',
)
FOEM = replace(
    GPTQ,
    method="foem",
    title="FOEM",
    options=(
        Option("alpha", 0.0, Number(0, 1), "weight of the error of a layer's inputs, as in GPTAQ"),
        Option("beta", 0.2, Number(0, 1), "weight of the first-order error"),
        DESC_ACT,
        DAMP,
    ),
    source="FOEM (AAAI 2026), https://ojs.aaai.org/index.php/AAAI/article/view/40123",
)
RTN = replace(
    GPTQ,
    method="rtn",
    title="Round to nearest",
    needs_calibration=False,
    balance="It rounds weights as they are and reads no text.",
    options=(),
    source="https://github.com/ModelCloud/GPTQModel",
)
AWQ = replace(
    GPTQ,
    method="awq",
    title="AWQ",
    bits=(4,),
    default_bits=None,
    group_sizes=(-1, 16, 32, 64, 128),
    formats=("awq",),
    # Its one kernel that quantizes on a CPU has no float32 (gptqmodel 7.6.0, AwqTorchLinear).
    dtypes=("bfloat16", "float16"),
    balance="Rows have one length, so their order and batches change nothing; with other lengths it would keep the last alone.",
    options=(),
    source='Lin et al., "AWQ: activation-aware weight quantization for LLM compression and acceleration" (2024)',
)


class GPTQModelBackend(Backend):
    """Quantizes layer after layer; the model keeps Transformers' own config and quantizer, as after loading."""

    capabilities = (GPTQ, GPTAQ, FOEM, RTN, AWQ)

    def __init__(self, config: MultilingualCalibrationConfig, capability: Capability):
        super().__init__(config, capability)
        with quiet_import():
            import gptqmodel  # noqa: F401  imported here once, quietly
        self.bits = capability.bits_of(config)
        size = capability.group_size_of(config)
        assert size is not None
        self.group_size = size
        self.options = capability.options_of(config)

    def check_model(self, model: Any) -> None:
        super().check_model(model)
        refuse_family(model.config.model_type, self.capability)
        layers = self._layers(model)
        self.group_size = settled_group_size(layers, self.config, self.capability)
        for name, (inputs, outputs) in layers.items():
            check_packable(name, inputs, outputs, "Choose another model or method.")

    def _layers(self, model: Any) -> dict[str, tuple[int, int]]:
        """The linear layers of the blocks, all of which GPTQModel quantizes."""
        definition = self._definition(model)
        refuse_fused_experts(model, model, self.capability)
        nodes = tuple(f"{node}." for node in definition.extract_layers_node())
        layers = {name: shape for name, shape in linear_layers(model).items() if name.startswith(nodes)}
        require_layers(model, layers, self.capability)
        config = self._engine_config("cpu")
        known = {name for group in definition.simple_layer_modules(model.config, config) for name in group}
        left = [name for name in layers if not any(name.endswith(f".{ending}") for ending in known)]
        if left:
            raise ModelError(
                f"GPTQModel leaves {left[0]} of a {model.config.model_type} model as it is, where loaders look for packed "
                "weights. Choose another engine or method."
            )
        return layers

    def _definition(self, model: Any) -> Any:
        from gptqmodel.models.auto import MODEL_MAP

        family = model.config.model_type
        if family not in MODEL_MAP:
            raise ModelError(
                f"GPTQModel does not know the family {family!r} of {type(model).__name__}, so {self.capability.name} cannot "
                "quantize it. Choose another engine or method: optimum-cli multilingual methods."
            )
        return MODEL_MAP[family]

    def _engine_config(self, device: str) -> Any:
        from gptqmodel.models._const import DEVICE
        from gptqmodel.quantization import FORMAT, METHOD
        from gptqmodel.quantization.config import FOEMConfig, GPTAQConfig, QuantizeConfig, RTNConfig

        method, options = self.capability.method, dict(self.options)
        # The engine's default writes zero points as v1 into layers that compute with v2; see `written_as`.
        common = {"bits": self.bits, "group_size": self.group_size, "device": DEVICE(device), "offload_to_disk": False}
        with quiet_engine():
            if method == AWQ.method:
                return QuantizeConfig(method=METHOD.AWQ, format=FORMAT.GEMM, sym=False, **common)
            if method == RTN.method:
                return RTNConfig(format=FORMAT.GPTQ_V2, **common)
            if method == GPTAQ.method:
                options["gptaq"] = GPTAQConfig(alpha=options.pop("alpha"))
            elif method == FOEM.method:
                options["foem"] = FOEMConfig(alpha=options.pop("alpha"), beta=options.pop("beta"))
            by_group = self.group_size != -1 and not options["desc_act"]
            return QuantizeConfig(format=FORMAT.GPTQ_V2, act_group_aware=by_group, **options, **common)

    def quantize(self, model: Any, calibration_set: CalibrationSet | None) -> None:
        from gptqmodel import BACKEND

        require_one_device(model)
        awq = self.capability.method == AWQ.method
        config = self._engine_config(model.device.type)
        generation = copy.deepcopy(model.generation_config)
        with at_work(model):
            engine = self._definition(model)(model, quantized=False, quantize_config=config)
            engine.quantize(
                None if calibration_set is None else export_examples(calibration_set),
                calibration_sort=None,
                batch_size=1 if awq or calibration_set is None else rows_of_a_pass(calibration_set),
                backend=BACKEND.AWQ_TORCH if awq else BACKEND.GPTQ_TORCH,
            )
        assert engine.model is model, "GPTQModel works in place"
        del model.tokenizer
        model.generation_config = generation  # the engine makes it valid by its own lights
        self._hand_over(model, engine)

    def _hand_over(self, model: Any, engine: Any) -> None:
        """Leaves on the model what Transformers would have left after loading it."""
        upstream, quantizer = self._upstream(engine)
        if self.capability.method != AWQ.method:
            quantizer.optimum_quantizer.quant_linear = engine.qlinear_kernel
        with quiet_engine():
            quantizer.postprocess_model(model)
        model.config.quantization_config = upstream
        model.hf_quantizer = quantizer
        model.is_quantized, model.quantization_method = True, upstream.quant_method
        if self.capability.method != AWQ.method:
            self._packed = packed_layout(model)

    def _upstream(self, engine: Any) -> tuple[Any, Any]:
        from transformers import AwqConfig, GPTQConfig
        from transformers.quantizers.quantizer_awq import AwqQuantizer
        from transformers.quantizers.quantizer_gptq import GptqHfQuantizer

        ours = engine.quantize_config
        meta: dict[str, Any] = {"quantizer": [f"gptqmodel:{self.capability.versions()['gptqmodel']}"]}
        if self.capability.method == AWQ.method:
            awq = AwqConfig(bits=self.bits, group_size=self.group_size, zero_point=True, sym=False, meta=meta)
            return awq, AwqQuantizer(awq, pre_quantized=True)
        if self.capability.method != GPTQ.method:
            meta[self.capability.method] = {
                name: self.options[name] for name in ("alpha", "beta") if name in self.options
            }
        gptq = GPTQConfig(
            bits=self.bits,
            group_size=self.group_size,
            desc_act=ours.desc_act,
            act_group_aware=getattr(ours, "act_group_aware", False),
            damp_percent=self.options.get("damp_percent", DAMP.default),
            format="gptq_v2",
            meta=meta,
            backend=PACKING_KERNEL,
        )
        quantizer = GptqHfQuantizer(gptq, pre_quantized=True)
        gptq.backend = "auto"
        return gptq, quantizer

    def details(self, model: Any) -> dict[str, Any]:
        if self.capability.method != AWQ.method:
            return packed_details(model, "gptq")
        kernels = [type(layer).__name__ for layer in model.modules() if hasattr(layer, "qweight")]
        return {"bits": self.bits, "group_size": self.group_size, "sym": False, "format": "awq", "kernel": kernels[0]}

    def checkpoint(self, model: Any) -> AbstractContextManager[None]:
        return nullcontext() if self.capability.method == AWQ.method else written_as(model, "gptq", self._packed)
