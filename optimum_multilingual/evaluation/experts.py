"""How many tokens each expert of a mixture-of-experts gets, seen while a model runs."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

logger = logging.getLogger(__name__)

# What experts are handed: the numbers of the chosen ones, shape [tokens, chosen]. gpt-oss has a name of its own.
CHOSEN = ("top_k_index", "router_indices")

# How classes of modules that hold experts are named.
EXPERTS = re.compile("[Ee]xpert|MoE$")

# Tokens of each expert by the name of the layer, shape [experts].
Counts = dict[str, np.ndarray]


def expert_layers(model: Any) -> dict[str, str]:
    """Every module that runs several experts, with the argument that says which; empty for a dense model.

        >>> expert_layers(mixtral)
        {'model.layers.0.mlp.experts': 'top_k_index', 'model.layers.1.mlp.experts': 'top_k_index'}

    Experts are found by what they are handed and not by the router, since routers differ in what they do to their logits
    before they choose.
    """
    found = {}
    for name, module in model.named_modules():
        named = [each for each in inspect.signature(type(module).forward).parameters if each in CHOSEN]
        if named and hasattr(module, "num_experts"):
            found[name] = named[0]
    return found


def warn_of_uncounted_experts(model: Any) -> None:
    """Says so where a model has experts that are not handed the numbers of the chosen ones, as those of JetMoe."""
    if expert_layers(model):
        return
    for name, module in model.named_modules():
        if EXPERTS.search(type(module).__name__):
            logger.warning(
                "%s has experts (%s, a %s), and nothing says in a way that is known here which tokens go to which: they are not "
                "counted by language.",
                type(model).__name__,
                name,
                type(module).__name__,
            )
            return


class ExpertCounter:
    """Counts tokens at the experts of one model, without a pass of its own.

    >>> counter = ExpertCounter(model)
    >>> with counter.watching(scored):            # scored: which positions count, shape [batch, length], bool
    ...     model(input_ids)
    >>> counter.take()                            # {'model.layers.0.mlp.experts': array([31, 0, 18, 15])}
    """

    def __init__(self, model: Any):
        self.layers = [(name, model.get_submodule(name), chosen) for name, chosen in expert_layers(model).items()]
        self._counts: Counts = {}

    @contextmanager
    def watching(self, scored: torch.Tensor) -> Iterator[None]:
        """Counts the given positions of one forward pass; of a pass that fails, none."""
        seen: Counts = {}
        handles = [
            layer.register_forward_pre_hook(_note_into(seen, name, chosen, scored.flatten()), with_kwargs=True)
            for name, layer, chosen in self.layers
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
        self._counts = added(self._counts, seen)

    def take(self) -> Counts:
        """What was counted since the last time."""
        counts, self._counts = self._counts, {}
        return counts


def _note_into(seen: Counts, name: str, argument: str, scored: torch.Tensor) -> Any:
    def note(layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        given = inspect.signature(type(layer).forward).bind(layer, *args, **kwargs).arguments
        chosen = given[argument].reshape(len(scored), -1)
        of_scored = chosen[scored.to(chosen.device)].flatten()
        seen[name] = torch.bincount(of_scored, minlength=layer.num_experts).cpu().numpy()

    return note


def added(first: Counts, second: Counts) -> Counts:
    """Two counts together."""
    together = dict(first)
    for name, tokens in second.items():
        together[name] = together[name] + tokens if name in together else tokens
    return together
