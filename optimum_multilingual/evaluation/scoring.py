"""Final hidden states of a model over windows of text, and the head that turns them into logits."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from accelerate.utils import align_module_device

from ..errors import ModelError
from .divergence import OutputHead
from .held_out import Window

# Logits from our float32 head and from the model itself differ by the rounding of the model's own type only.
HEAD_TOLERANCE = {torch.float32: 1e-3, torch.float16: 1e-2, torch.bfloat16: 5e-2}


def output_head(model: Any) -> OutputHead:
    """Finds the projection from final hidden states to logits, with the scale and cap some families put on it.

    Raises:
        ModelError: the projection is no plain linear layer.
    """
    layer = model.get_output_embeddings()
    if not isinstance(layer, torch.nn.Linear) or not layer.weight.is_floating_point():
        raise ModelError(
            f"The output projection of {type(model).__name__} is a {type(layer).__name__}; it can be measured when it is "
            "a torch.nn.Linear that was not quantized. Leave lm_head out of the quantization."
        )
    config = model.config.get_text_config()
    scale = _number(config, "logit_scale") / _number(config, "logits_scaling")
    with align_module_device(layer) if layer.weight.device.type == "meta" else nullcontext():
        weight = layer.weight.detach()
        bias = None if layer.bias is None else layer.bias.detach()
    return OutputHead(weight, bias, scale, getattr(config, "final_logit_softcapping", None))


def _number(config: Any, name: str) -> float:
    value = getattr(config, name, None)
    if value is not None and not isinstance(value, int | float):
        raise ModelError(f"The config has {name}={value!r}; logits can be measured when their scale is a number.")
    return float(value or 1.0)


def check_head(model: Any, head: OutputHead, window: Window) -> None:
    """Proves on one window that the head gives the model's own logits.

    Raises:
        ModelError: it does not, so the model does more after its last hidden state than is known here.
    """
    with torch.inference_mode(), _eager():
        own = model(input_ids=_inputs([window], model.device), use_cache=False).logits[0].float()
    [(_, states)] = final_states(model, [window], batch_tokens=1)
    ours = head.logits(states.to(head.weight.device), 0, head.weight.shape[0]).to(own.device)
    scored = own[-len(window.targets) :]
    error = ((scored - ours).norm() / scored.norm()).item()
    if not error < HEAD_TOLERANCE.get(model.dtype, 5e-2):
        raise ModelError(
            f"The logits of {type(model).__name__} cannot be had from its last hidden states (relative difference "
            f"{error:.2g}); its output head does something that is not known here, so it cannot be measured. Pass "
            "evaluation=None to quantize without measuring, and please report the architecture."
        )


def final_states(
    model: Any, windows: Sequence[Window], batch_tokens: int
) -> Iterator[tuple[list[Window], torch.Tensor]]:
    """Runs a model over windows and yields each batch with the final hidden states of its scored positions.

    Windows of similar length share a batch. They are padded on the right, which no causal model sees from the left.

    Args:
        model: a causal language model, on one device or dispatched over several by accelerate.
        windows: of one language.
        batch_tokens: tokens in one forward pass, padding included; a longer window is a batch of its own.

    Yields:
        The batch's windows, and their states one after the other, shape [scored tokens, hidden], in the model's type.
    """
    extra = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
    for batch in _batches(windows, batch_tokens):
        with _captured_states(model) as captured, _eager(), torch.inference_mode():
            model(input_ids=_inputs(batch, model.device), use_cache=False, **extra)
            if not captured:
                raise ModelError(
                    f"{type(model).__name__} does not run its decoder as a module, so it cannot be measured."
                )
            scored = [
                captured[0][place, len(window.input_ids) - len(window.targets) : len(window.input_ids)]
                for place, window in enumerate(batch)
            ]
            states = torch.cat(scored)
        yield batch, states


def _batches(windows: Sequence[Window], batch_tokens: int) -> Iterator[list[Window]]:
    batch: list[Window] = []
    for window in sorted(windows, key=lambda window: len(window.input_ids)):
        if batch and (len(batch) + 1) * len(window.input_ids) > batch_tokens:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def _inputs(batch: Sequence[Window], device: torch.device) -> torch.Tensor:
    ids = np.zeros((len(batch), max(len(window.input_ids) for window in batch)), dtype=np.int64)
    for place, window in enumerate(batch):
        ids[place, : len(window.input_ids)] = window.input_ids
    return torch.from_numpy(ids).to(device)


@contextmanager
def _captured_states(model: Any) -> Iterator[list[torch.Tensor]]:
    """Collects the decoder's last hidden state while the whole model runs, so that accelerate's hooks run too."""
    captured: list[torch.Tensor] = []
    # The base model is the decoder in most families; OPT calls the decoder inside its base model.
    handle = model.get_decoder().register_forward_hook(lambda module, args, output: captured.append(output[0]))
    try:
        yield captured
    finally:
        handle.remove()


def _eager() -> Any:
    # Kernels compile themselves on their first call, half a minute on a CPU, and need a C++ compiler for it. Their
    # eager form gives the same numbers, and at the batch sizes of scoring it is as fast.
    return torch.compiler.set_stance("force_eager")
