"""Runs llm-compressor on a model in memory, and leaves nothing of the run but the quantized weights."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..calibration.calibration_set import CalibrationSet
from .quiet import quiet_import, quiet_logger
from .row_batches import loader_of, rows_of_a_pass

logger = logging.getLogger(__name__)


def run(model: Any, recipe: list[Any], calibration_set: CalibrationSet | None) -> None:
    """Applies a recipe to a model in place, in a session of its own.

    Args:
        model: dense, on one device or dispatched to several; it stays where it is.
        recipe: modifiers, in their order.
        calibration_set: None where no modifier reads text.
    """
    from accelerate import dispatch_model
    from compressed_tensors.offload import remove_dispatch
    from llmcompressor import Oneshot, create_session

    class OneshotInMemory(Oneshot):
        """Looks at no files: upstream reads the config of the model's name, without its revision."""

        def validate_model(self, model: Any) -> None:
            """Knows already that the model is dense."""
            assert not hasattr(model.config, "quantization_config")

    batches = None if calibration_set is None else loader_of(calibration_set, rows_of_a_pass(calibration_set))
    places = getattr(model, "hf_device_map", None)
    with (
        quiet_steps(),
        telling_of_rounded_layers(),
        tokenizers_as_they_were(),
        without_pinned_memory(),
        create_session(),
    ):
        # The processor is asked for tokenizing texts only; None would have one loaded.
        OneshotInMemory(model=model, recipe=recipe, dataset=batches, processor=object())()
    # Upstream's writes the config of the model's name over ours.
    del model.save_pretrained
    remove_dispatch(model)
    if places is not None:
        dispatch_model(model, places) if len(set(places.values())) > 1 else setattr(model, "hf_device_map", places)


@contextmanager
def telling_of_rounded_layers() -> Iterator[None]:
    """Says which layers GPTQ left to plain rounding; upstream's own word on it is silenced with all others."""
    from compressed_tensors.utils import patch_attr
    from llmcompressor.modifiers.gptq import GPTQModifier

    def tell(modifier: Any) -> None:
        rounded = modifier._rtn_fallback_module_names
        if rounded:
            logger.warning(
                "The Hessian of %d layers could not be inverted, so their weights were rounded to nearest and not by GPTQ "
                "(%s ...). Give more rows, or a larger dampening_frac.",
                len(rounded),
                ", ".join(rounded[:3]),
            )

    with patch_attr(GPTQModifier, "_log_rtn_fallback_summary", tell):
        yield


def mark_as_loaded(model: Any) -> None:
    """Leaves a quantized model as Transformers would have loaded it from its checkpoint and run it once."""
    from compressed_tensors.compressors import ModelCompressor
    from transformers import CompressedTensorsConfig
    from transformers.quantizers.quantizer_compressed_tensors import CompressedTensorsHfQuantizer

    described = ModelCompressor.from_pretrained_model(model).quantization_config
    values = described.model_dump(exclude={"quant_method"})
    upstream = CompressedTensorsConfig.from_dict({**values, "quantization_status": "compressed"})
    model.config.quantization_config = upstream
    model.hf_quantizer = CompressedTensorsHfQuantizer(upstream, pre_quantized=True)
    model.is_quantized, model.quantization_method = True, upstream.quant_method
    compress(model)
    decompress(model)


def compress(model: Any) -> None:
    """Puts the stored form of the weights into the quantized layers, in place."""
    from compressed_tensors.compressors import compress_module

    for layer in quantized_layers(model):
        # Of bfloat16 weights, dividing by their scale in bfloat16 brings not all integers of 8 bits back; float32 does.
        layer.weight.data = layer.weight.data.float()
        compress_module(layer)


def decompress(model: Any) -> None:
    """Puts what loaders compute with into the quantized layers, in place: the stored integers times their scales."""
    from compressed_tensors.compressors import decompress_module

    for layer in quantized_layers(model):
        decompress_module(layer)


def quantized_layers(model: Any) -> list[Any]:
    """The layers that llm-compressor quantized."""
    return [layer for layer in model.modules() if getattr(layer, "quantization_scheme", None) is not None]


def import_silently() -> None:
    """Imports llm-compressor, which by itself replaces the outputs that the process gave to loguru and logs to stdout.

    It stays silent until `llmcompressor.configure_logger` is called. Its log level is made here all the same: without it
    GPTQ fails.
    """
    with quiet_import():
        # quiet_import puts the environment back.
        os.environ["LLM_COMPRESSOR_LOG_DISABLED"] = "true"
        import llmcompressor  # noqa: F401
        from loguru import logger

        try:
            logger.level("METRIC")
        except ValueError:
            logger.level("METRIC", no=38, color="<yellow>", icon="📈")


@contextmanager
def quiet_steps() -> Iterator[None]:
    """Lets nothing of llm-compressor through, which tells of each step; its progress bars stay."""
    from llmcompressor.logger import LOGGER_CONFIG
    from loguru import logger

    silenced = ["compressed_tensors"] if LOGGER_CONFIG.disabled else ["compressed_tensors", "llmcompressor"]
    for name in silenced:
        logger.disable(name)
    try:
        # Torch tells programmers that a function they do not call has a new name.
        with quiet_logger("torch.fx._symbolic_trace"):
            yield
    finally:
        for name in silenced:
            logger.enable(name)


@contextmanager
def tokenizers_as_they_were() -> Iterator[None]:
    """Undoes that llm-compressor turns the threads of tokenizers off for the process."""
    name = "TOKENIZERS_PARALLELISM"
    before = os.environ.get(name)
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


@contextmanager
def without_pinned_memory() -> Iterator[None]:
    """Lets AWQ run on a machine without an accelerator, where asking for pinned memory fails (llm-compressor 0.14.0.1)."""
    import torch
    from compressed_tensors.utils import patch_attr
    from llmcompressor.pipelines.cache import IntermediatesCache

    if torch.accelerator.is_available():
        yield
        return
    with patch_attr(IntermediatesCache, "pin_memory", lambda *arguments: None):
        yield
