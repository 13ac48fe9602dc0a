"""What linear layers receive, summed up while a model runs; layers that receive the same tensor are seen once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

from ..backends.shared_passes import inputs_of_layers
from .scoring import eager

Summary = TypeVar("Summary")


@dataclass(frozen=True)
class LayerInput:
    """One tensor that one or more linear layers receive.

        LayerInput("model.layers.0.self_attn.q_proj", ("....q_proj", "....k_proj", "....v_proj"), channels=4096)

    Args:
        name: the first layer that receives it.
        layers: all of them, in the order of the model's modules.
        channels: its last dimension.
    """

    name: str
    layers: tuple[str, ...]
    channels: int


def find_layer_inputs(model: Any) -> tuple[LayerInput, ...]:
    """The inputs of all linear layers but the output projection, found by one small pass.

    Args:
        model: a causal language model with dense weights, `torch.nn.Linear` and its subclasses or the `Conv1D` of GPT-2.
    """
    projection = model.get_output_embeddings()
    sizes = {
        name: _inputs_of(layer)
        for name, layer in model.named_modules()
        if _is_linear(layer) and layer is not projection
    }
    with eager():
        tensors = inputs_of_layers(model, [model.get_submodule(name) for name in sizes])
    # A layer that runs several times, or not at all, receives something of its own.
    keys = [id(of_it[0]) if len(of_it) == 1 else name for name, of_it in zip(sizes, tensors, strict=True)]
    layers: dict[Any, list[str]] = {}
    for key, name in zip(keys, sizes, strict=True):
        layers.setdefault(key, []).append(name)
    return tuple(LayerInput(names[0], tuple(names), sizes[names[0]]) for names in layers.values())


def _is_linear(layer: Any) -> bool:
    return isinstance(layer, torch.nn.Linear) or type(layer).__name__ == "Conv1D"


def _inputs_of(layer: Any) -> int:
    return layer.in_features if isinstance(layer, torch.nn.Linear) else layer.weight.shape[0]


class InputSummaries(Generic[Summary]):
    """Sums up the inputs of a model's layers, without a pass of its own.

        >>> summaries = InputSummaries(model, find_layer_inputs(model), lambda _, values: values.amax(0), torch.maximum)
        >>> scorer = Scorer(model, summaries)
        >>> scorer.states(batch)
        >>> summaries.take()                       # {'model.layers.0.self_attn.q_proj': tensor([...]), ...}

    Args:
        model: the model.
        inputs: those to sum up.
        summarize: makes a summary of the values at the counted positions of one pass, float32 of shape [tokens, channels].
        add: makes one summary of two, the earlier first.
    """

    def __init__(
        self,
        model: Any,
        inputs: Sequence[LayerInput],
        summarize: Callable[[LayerInput, torch.Tensor], Summary],
        add: Callable[[Summary, Summary], Summary],
    ):
        self._layers = [(each, model.get_submodule(each.name)) for each in inputs]
        self._summarize, self._add = summarize, add
        self._summaries: dict[str, Summary] = {}
        # Layers that do not see every token, such as those of one expert: which of its tokens count cannot be told.
        self._partly: set[str] = set()

    @contextmanager
    def watching(self, scored: torch.Tensor) -> Iterator[None]:
        """Sums up the given positions of one forward pass; of a pass that fails, none."""
        seen: dict[str, Summary] = {}
        places = None if scored.all() else scored.flatten().nonzero().flatten()
        handles = [
            layer.register_forward_pre_hook(self._note_into(seen, each, places, scored.numel()), with_kwargs=True)
            for each, layer in self._layers
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
        _add_into(self._summaries, seen, self._add)

    def take(self) -> dict[str, Summary]:
        """What was summed up since the last time, in the order of the inputs; layers that do not see every token have none."""
        taken, self._summaries = self._summaries, {}
        names = [each.name for each, _ in self._layers]
        return {name: taken[name] for name in names if name in taken and name not in self._partly}

    def _note_into(
        self, seen: dict[str, Summary], each: LayerInput, places: torch.Tensor | None, positions: int
    ) -> Any:
        def note(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            values = (*args, *kwargs.values())[0].flatten(0, -2)
            if len(values) != positions:
                self._partly.add(each.name)
                return
            if places is not None:
                values = values[places.to(values.device)]
            _add_into(seen, {each.name: self._summarize(each, values.float())}, self._add)

        return note


def _add_into(
    together: dict[str, Summary], more: dict[str, Summary], add: Callable[[Summary, Summary], Summary]
) -> None:
    for name, summary in more.items():
        together[name] = add(together[name], summary) if name in together else summary
