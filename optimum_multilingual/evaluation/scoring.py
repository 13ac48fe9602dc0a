"""Final hidden states of a model over windows of text, and the head that turns them into logits."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any, Protocol

import numpy as np
import torch
from accelerate.utils import align_module_device
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

from ..errors import ModelError
from .divergence import OutputHead
from .held_out import Window

logger = logging.getLogger(__name__)

# Enough to tell a right output head from a wrong one; whole logits of a long window can be gigabytes.
CHECKED_TOKENS = 16

# Logits from our float32 head and from the model itself differ by the rounding of the model's own type only.
HEAD_TOLERANCE = {torch.float32: 1e-3, torch.float16: 1e-2, torch.bfloat16: 5e-2}

# The same of the loss, beside what rounding the largest logit does to it. A cap that is not known here changes only the largest
# logits, and so the loss more than the norm of all.
LOSS_TOLERANCE = {torch.float32: 1e-3, torch.float16: 5e-3, torch.bfloat16: 2e-2}

# What families call the cap on their logits: Gemma, RecurrentGemma, xLSTM.
CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")


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
    scale = (_number(config, "logit_scale") or 1.0) / (_number(config, "logits_scaling") or 1.0)
    caps = [cap for cap in (_number(config, name) for name in CAPS) if cap is not None]
    with align_module_device(layer) if layer.weight.device.type == "meta" else nullcontext():
        weight = layer.weight.detach()
        bias = None if layer.bias is None else layer.bias.detach()
    return OutputHead(weight, bias, scale, caps[0] if caps else None)


def _number(config: Any, name: str) -> float | None:
    value = getattr(config, name, None)
    if value is not None and not isinstance(value, int | float):
        raise ModelError(
            f"The config has {name}={value!r}; logits can be measured when their scale and cap are numbers."
        )
    return None if value is None else float(value)


def check_head(model: Any, head: OutputHead, window: Window, may_be_broken: bool = False) -> None:
    """Proves on one window that the head gives the model's own logits, and the loss that they make.

    Args:
        model: a causal language model.
        head: its projection, as `output_head` found it.
        window: the text to try.
        may_be_broken: logits that are no numbers prove nothing, and pass; the report then says so.

    Raises:
        ModelError: it does not, so the model does more after its last hidden state than is known here.
    """
    with torch.no_grad(), eager():
        own = model(input_ids=_inputs([window], model.device), use_cache=False).logits[0].float()
    states = Scorer(model).states([window])
    ours = head.logits(states.to(head.weight.device), 0, head.weight.shape[0]).to(own.device)
    scored = own[-len(window.targets) :]
    error = ((scored - ours).norm() / scored.norm()).item()
    if may_be_broken and not math.isfinite(error):
        return
    if not error < HEAD_TOLERANCE.get(model.dtype, 5e-2):
        raise _unknown_head(model, f"relative difference {error:.2g}")
    targets = targets_of([window]).to(own.device)
    loss, other = (torch.nn.functional.cross_entropy(logits, targets, reduction="none") for logits in (scored, ours))
    # Root of the mean square: in a mean, what is too high for one token hides what is too low for another.
    apart = (other - loss).square().mean().sqrt().item()
    rounding = torch.finfo(model.dtype).eps * scored.abs().max().item()
    if not apart < LOSS_TOLERANCE.get(model.dtype, 2e-2) * loss.mean().item() + rounding:
        raise _unknown_head(model, f"negative log-likelihoods of tokens differ by {apart:.2g} nats")


def _unknown_head(model: Any, difference: str) -> ModelError:
    return ModelError(
        f"The logits of {type(model).__name__} cannot be had from its last hidden states ({difference}); its output head does "
        "something that is not known here, so it cannot be measured. Pass evaluation=None to quantize without measuring, and "
        "please report the architecture."
    )


class Counter(Protocol):
    """Sees what happens inside a model while it is scored; of a pass that fails it keeps nothing."""

    def watching(self, scored: torch.Tensor) -> AbstractContextManager[None]:
        """Sees one forward pass, of which these positions count; shape [batch, length], bool."""


class Scorer:
    """Runs one model over batches of windows.

        >>> scorer = Scorer(model)
        >>> for batch in make_batches(windows, batch_tokens=4096):
        ...     states = scorer.states(batch)           # shape [scored tokens, hidden]

    A batch that does not fit into memory is run in halves, and so are all later ones of its size.

    Args:
        model: a causal language model, on one device or dispatched over several by accelerate.
        counters: see every pass, such as `ExpertCounter`.
    """

    def __init__(self, model: Any, *counters: Counter):
        self.model = model
        self._counters = counters
        self._extra = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
        self._most_tokens = math.inf

    def states(self, batch: Sequence[Window]) -> torch.Tensor:
        """The final hidden states of a batch's scored positions, one window after the other, in the model's type.

        Raises:
            ModelError: the model's decoder is no module, or one window alone does not fit into memory.
        """
        tokens = len(batch) * max(len(window.input_ids) for window in batch)
        if tokens <= self._most_tokens or len(batch) == 1:
            states = self._states_if_they_fit(batch)
            if states is not None:
                return states
            if len(batch) == 1:
                raise ModelError(
                    f"One window of {tokens} tokens does not fit into memory; give a smaller evaluation.sequence_length."
                )
            logger.warning("A batch of %d tokens does not fit into memory; it is run in halves.", tokens)
            self._most_tokens = tokens - 1
            clear_device_cache(garbage_collection=True)
        half = len(batch) // 2
        return torch.cat([self.states(batch[:half]), self.states(batch[half:])])

    def _states_if_they_fit(self, batch: Sequence[Window]) -> torch.Tensor | None:
        try:
            return self._forward(batch)
        except RuntimeError as error:
            if not should_reduce_batch_size(error):
                raise
            return None

    def _forward(self, batch: Sequence[Window]) -> torch.Tensor:
        # Not inference_mode, in which packed weights of optimum-quanto 0.2.7 cannot be computed with.
        with captured_states(self.model) as captured, ExitStack() as counting, eager(), torch.no_grad():
            for counter in self._counters:
                counting.enter_context(counter.watching(_scored_positions(batch)))
            self.model(input_ids=_inputs(batch, self.model.device), use_cache=False, **self._extra)
            if not captured:
                raise ModelError(
                    f"{type(self.model).__name__} does not run its decoder as a module, so it cannot be measured."
                )
            scored = [
                captured[0][place, len(window.input_ids) - len(window.targets) : len(window.input_ids)]
                for place, window in enumerate(batch)
            ]
            return torch.cat(scored)


def make_batches(windows: Sequence[Window], batch_tokens: int) -> list[list[Window]]:
    """Windows of similar length together; they are padded on the right, which no causal model sees from the left.

    Args:
        windows: of one language.
        batch_tokens: tokens in one batch, padding included; a longer window is a batch of its own.
    """
    batches: list[list[Window]] = []
    for window in sorted(windows, key=lambda window: len(window.input_ids)):
        if not batches or (len(batches[-1]) + 1) * len(window.input_ids) > batch_tokens:
            batches.append([])
        batches[-1].append(window)
    return batches


def _inputs(batch: Sequence[Window], device: torch.device) -> torch.Tensor:
    ids = np.zeros((len(batch), max(len(window.input_ids) for window in batch)), dtype=np.int64)
    for place, window in enumerate(batch):
        ids[place, : len(window.input_ids)] = window.input_ids
    return torch.from_numpy(ids).to(device)


def _scored_positions(batch: Sequence[Window]) -> torch.Tensor:
    """Which positions of `_inputs` are scored, and no padding; shape [batch, length]."""
    lengths = torch.tensor([len(window.input_ids) for window in batch])
    scored = torch.tensor([len(window.targets) for window in batch])
    places = torch.arange(int(lengths.max()))
    return (places < lengths[:, None]) & (places >= (lengths - scored)[:, None])


def targets_of(batch: Sequence[Window]) -> torch.Tensor:
    """The tokens that really came behind a batch's scored positions, in the order of `Scorer.states`, int64."""
    return torch.from_numpy(np.concatenate([window.targets for window in batch]).astype(np.int64))


@contextmanager
def captured_states(model: Any) -> Iterator[list[torch.Tensor]]:
    """Collects the decoder's last hidden state while the whole model runs, so that accelerate's hooks run too."""
    captured: list[torch.Tensor] = []
    # The base model is the decoder in most families; OPT calls the decoder inside its base model.
    handle = model.get_decoder().register_forward_hook(lambda module, args, output: captured.append(output[0]))
    try:
        yield captured
    finally:
        handle.remove()


def eager() -> Any:
    """Runs kernels as they are written.

    They compile themselves on their first call, half a minute on a CPU, and need a C++ compiler for it. Their eager form
    gives the same numbers, and at the batch sizes of scoring it is as fast.
    """
    return torch.compiler.set_stance("force_eager")
