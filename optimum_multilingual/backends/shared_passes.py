"""One pass over the rows for all layers that receive the same tensor, where Optimum makes one for each layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

TRACED_TOKENS = 4


def layers_with_one_input(model: Any, blocks: Any) -> list[list[str]] | None:
    """Which linear layers of a block receive the very same tensor, found by one small pass.

        Llama    [[q_proj, k_proj, v_proj], [o_proj], [gate_proj, up_proj], [down_proj]]

    Only neighbours in the order in which Optimum quantizes are put together, so that every layer is calibrated on what
    the layers before it leave, as it would be alone: the weights are the same, bit for bit.

    Args:
        model: as loaded.
        blocks: its transformer blocks.

    Returns:
        Names inside a block; None where blocks differ, or a layer does not run once in every pass (an expert, for one).
    """
    from optimum.gptq.utils import get_layers

    names = list(get_layers(blocks[0]))
    if any(list(get_layers(block)) != names for block in blocks):
        return None
    layers = [block.get_submodule(name) for block in blocks for name in names]
    inputs = inputs_of_layers(model, layers)
    if any(len(of_layer) != 1 for of_layer in inputs):
        return None
    tensors = [of_layer[0] for of_layer in inputs]
    of_blocks = [tensors[start : start + len(names)] for start in range(0, len(tensors), len(names))]
    groups = [_neighbours(names, of_block) for of_block in of_blocks]
    return groups[0] if all(group == groups[0] for group in groups) else None


def inputs_of_layers(model: Any, layers: Sequence[Any]) -> list[list[torch.Tensor]]:
    """What each layer receives in a pass over nothing: zeros for embeddings, since it matters only which tensors are one.

    Args:
        model: as loaded.
        layers: modules of it.

    Returns:
        Of each layer one tensor for each time it ran.
    """
    inputs: list[list[torch.Tensor]] = [[] for _ in layers]
    # Tensors are kept to the end, so that no later one takes the place of another in memory.
    handles = [
        layer.register_forward_pre_hook(
            lambda _, args, kwargs, kept=kept: kept.append((*args, *kwargs.values())[0]), with_kwargs=True
        )
        for layer, kept in zip(layers, inputs, strict=True)
    ]
    embeddings = model.get_input_embeddings().weight
    nothing = torch.zeros(1, TRACED_TOKENS, embeddings.shape[1], dtype=embeddings.dtype, device=model.device)
    try:
        with torch.no_grad():
            model(inputs_embeds=nothing, use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    return inputs


def _neighbours(names: Sequence[str], tensors: Sequence[torch.Tensor]) -> list[list[str]]:
    groups: list[list[str]] = []
    for place, name in enumerate(names):
        if place and tensors[place] is tensors[place - 1]:
            groups[-1].append(name)
        else:
            groups.append([name])
    return groups


@contextmanager
def one_pass_for_each_group(blocks: Any) -> Iterator[None]:
    """Around Optimum's quantizing: layers of a group share their Hessian, and a pass ends at the last layer that needs it.

        pass for [q, k, v]   norm -> q, k, v | the rest of the block is left out; the Hessian is summed once, for q

    Optimum 2.3 sums the same Hessian for each layer, and runs the whole block each time. Its class for one layer's
    quantization is replaced while this lasts; all is put back afterwards.

    Args:
        blocks: the transformer blocks that are quantized.
    """
    from optimum.gptq import quantizer as optimum_quantizer

    upstream, group = optimum_quantizer.GPTQ, _Group()
    # Hooks of accelerate have work to do after a layer, which an early end would leave undone.
    stoppable = [block for block in blocks if not any(hasattr(each, "_hf_hook") for each in block.modules())]
    forwards = [block.__dict__.get("forward") for block in stoppable]
    group.may_stop = len(stoppable) == len(blocks)
    optimum_quantizer.GPTQ = _sharing(upstream, group)
    for block in stoppable:
        block.forward = _until_done(block.forward)
    try:
        yield
    finally:
        optimum_quantizer.GPTQ = upstream
        for block, forward in zip(stoppable, forwards, strict=True):
            del block.forward
            if forward is not None:
                block.forward = forward


class _AllSeen(Exception):  # noqa: N818  not an error: the pass has done what it is for
    """Every layer of the group has seen the row."""


class _Group:
    """The layers that are calibrated in one pass; the first one's Hessian serves all."""

    def __init__(self) -> None:
        self.tasks: list[Any] = []
        self.seen = 0
        self.shared = False
        self.may_stop = False

    def join(self, task: Any) -> None:
        """Takes a layer's task in; the first after a group was shared begins the next group."""
        if self.shared:
            self.tasks, self.shared = [], False
        self.tasks.append(task)

    def note(self) -> None:
        """Counts a layer that has seen the rows of this pass, and ends the pass at the last."""
        self.seen = (self.seen + 1) % len(self.tasks)
        if self.seen == 0 and self.may_stop:
            raise _AllSeen

    def share(self) -> None:
        """Gives all layers the first one's Hessian; before it is used, since using it changes it."""
        if not self.shared:
            for task in self.tasks[1:]:
                task.adopt_hessian_from(self.tasks[0])
        self.shared = True


def _sharing(upstream: Any, group: _Group) -> Any:
    class SharingGPTQ(upstream):
        """GPTQ of one layer of a group."""

        def __init__(self, module: Any, qcfg: Any = None):
            super().__init__(module, qcfg=qcfg)
            group.join(self)

        def add_batch(self, inp: Any, out: Any, batch_index: int | None = None) -> None:
            """Sums the Hessian for the first layer of the group alone."""
            if self is group.tasks[0]:
                super().add_batch(inp, out, batch_index)
            group.note()

        def fasterquant(self, *args: Any, **kwargs: Any) -> Any:
            """Quantizes by the Hessian of the group."""
            group.share()
            return super().fasterquant(*args, **kwargs)

    return SharingGPTQ


def _until_done(forward: Any) -> Any:
    def until_done(*args: Any, **kwargs: Any) -> Any:
        try:
            return forward(*args, **kwargs)
        except _AllSeen:
            return None

    return until_done
