"""AutoRound through Intel's auto-round, and Transformers for loading what it wrote."""

from __future__ import annotations

import gc
import os
import random
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from ..calibration.calibration_set import CalibrationSet
from ..config import MultilingualCalibrationConfig
from .auto_round_formats import FORMATS, check_format, describe, loading_config, require_format
from .base import Backend
from .capability import Capability
from .layer_checks import linear_layers, refuse_fused_experts, require_layers, settled_group_size
from .method_options import Choice, Number, Option
from .on_the_fly import take_over
from .packed_gptq import packed_layout, written_as
from .quiet import quiet_engine, quiet_import, quiet_logger
from .row_batches import loader_of

AUTO_ROUND = Capability(
    method="auto-round",
    engine="auto-round",
    title="AutoRound",
    bits=(2, 3, 4, 8),
    default_bits=4,
    group_sizes=(-1, 16, 32, 64, 128, 256),
    default_group_size=128,
    formats=tuple(FORMATS.values()),
    packages=("auto-round>=0.15,<0.16",),
    extra="auto-round",
    balance="Rows are handed over one at a time and in order; tuning draws them in shuffled batches without putting any back, "
    "so each comes as often as the others, and leaves the last token of each out of the loss.",
    options=(
        Option("iters", 200, Number(1, whole=True), "steps of tuning for each block"),
        Option("batch_size", 8, Number(1, whole=True), "rows in each step; they should divide the rows there are"),
        Option("sym", True, Choice((True, False)), "no zero points"),
        Option("format", "auto_round", Choice(tuple(FORMATS)), "of the checkpoint: AutoRound's own, GPTQ's or AWQ's"),
        Option("torch_compile", True, Choice((True, False)), "compile the blocks, which on a CPU takes a minute"),
    ),
    # Loaders choose another kernel for some sizes; with AutoRoundConfig(backend="torch") the logits are the same.
    tolerance=0.05,
    source='Cheng et al., "Optimize weight rounding via signed gradient descent for the quantization of LLMs" (2024)',
)

CUBLAS = "CUBLAS_WORKSPACE_CONFIG"

LOGGERS = ("autoround", "transformers.modeling_utils", "transformers.distributed.tensor_parallel")


class AutoRoundBackend(Backend):
    """Tunes how weights are rounded, block after block, by signed gradient descent.

    What auto-round leaves in memory is not what loaders make of its checkpoint (on a CPU it is float32, they compute in
    16 bits), so the checkpoint is written to a temporary folder and loaded back through Transformers, into the same model.
    """

    capabilities = (AUTO_ROUND,)

    def __init__(self, config: MultilingualCalibrationConfig, capability: Capability):
        super().__init__(config, capability)
        self.bits = capability.bits_of(config)
        self.group_size = capability.group_size_of(config)
        self.options = capability.options_of(config)
        require_format(capability, self.options["format"], self.bits, self.options["sym"])
        with quiet_import():
            import auto_round  # noqa: F401  imported here once, quietly

            if self.options["format"] != "auto_round":
                import gptqmodel  # noqa: F401  loads the others

    def check_model(self, model: Any) -> None:
        super().check_model(model)
        refuse_fused_experts(model, model, self.capability)
        layers = linear_layers(model)
        require_layers(model, layers, self.capability)
        self.group_size = settled_group_size(layers, self.config, self.capability)
        check_format(layers, self.options["format"])

    def quantize(self, model: Any, calibration_set: CalibrationSet | None) -> None:
        import torch

        assert calibration_set is not None
        device, places = model.device, getattr(model, "hf_device_map", None)
        written, dtype = self.options["format"], model.dtype
        if written == "auto_round" and dtype == torch.float32:
            # Its kernels compute in 16 bits: of a float32 checkpoint the loader rounds the rotary embedding's frequencies too.
            dtype = torch.float16
        with tempfile.TemporaryDirectory() as place, quiet_tuning(), process_as_it_was(), frozen_garbage():
            folder = self._tune(model, calibration_set, Path(place))
            quantized = type(model).from_pretrained(
                folder,
                quantization_config=loading_config(written, self.bits),
                dtype=dtype,
                device_map=places or {"": device},
            )
            describe(quantized.config.quantization_config, written)
            take_over(model, quantized)
        if written == "auto_gptq":
            self._packed = packed_layout(model)

    def _tune(self, model: Any, calibration_set: CalibrationSet, folder: Path) -> str:
        from auto_round import AutoRound

        engine = AutoRound(
            model,
            # Asked for, and used for reading texts and for being saved only.
            tokenizer=object(),
            scheme={"bits": self.bits, "group_size": self.group_size, "sym": self.options["sym"], "data_type": "int"},
            dataset=loader_of(calibration_set, rows=1),
            iters=self.options["iters"],
            nsamples=len(calibration_set),
            seqlen=calibration_set.manifest.sequence_length,
            batch_size=min(self.options["batch_size"], len(calibration_set)),
            enable_torch_compile=self.options["torch_compile"],
            device_map=str(model.device),
            seed=calibration_set.manifest.seed,
        )
        _, written = engine.quantize_and_save(str(folder), format=self.options["format"], inplace=True)
        return written

    def details(self, model: Any) -> dict[str, Any]:
        upstream = model.config.quantization_config
        kernels = {type(layer).__name__ for layer in model.modules() if hasattr(layer, "qweight")}
        return {
            "bits": upstream.bits,
            "group_size": upstream.group_size,
            **self.options,
            "format": FORMATS[self.options["format"]],
            "kernel": ", ".join(sorted(kernels)),
        }

    def checkpoint(self, model: Any) -> AbstractContextManager[None]:
        if self.options["format"] == "auto_gptq":
            return written_as(model, "gptq", self._packed)
        return nullcontext()


@contextmanager
def quiet_tuning() -> Iterator[None]:
    """Lets only errors of auto-round through."""
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(quiet_engine())
        warnings.filterwarnings("ignore", message="In CPU autocast")
        # Only the kernel is passed on purpose.
        warnings.filterwarnings("ignore", message="You passed `quantization_config`")
        for name in LOGGERS:
            stack.enter_context(quiet_logger(name))
        yield


@contextmanager
def process_as_it_was() -> Iterator[None]:
    """Puts back what auto-round sets for the whole process: all seeds, deterministic algorithms, a setting of cuBLAS."""
    import numpy as np
    import torch

    drawn, drawn_by_numpy = random.getstate(), np.random.get_state()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warning_only = torch.is_deterministic_algorithms_warn_only_enabled()
    cublas = os.environ.get(CUBLAS)
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(drawn)
        np.random.set_state(drawn_by_numpy)
        torch.use_deterministic_algorithms(deterministic, warn_only=warning_only)
        os.environ.pop(CUBLAS, None)
        if cublas is not None:
            os.environ[CUBLAS] = cublas


@contextmanager
def frozen_garbage() -> Iterator[None]:
    """Keeps what is in memory already out of garbage collection, which auto-round asks for five times in each block.

    In a process that has imported a few engines a collection takes a second; without this, small models wait for it only.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
