"""The experts of a mixture-of-experts by language: how many tokens each got, and which got none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..languages import find_language

if TYPE_CHECKING:
    import numpy as np

    from ..languages import Language

# So many unreached experts of one language are named in the table; the JSON names all.
NAMED = 4


@dataclass(frozen=True)
class ExpertLoad:
    """The tokens of one language at the experts of one layer, in the model before quantization.

        ExpertLoad("swh_Latn", "model.layers.0.mlp.experts", tokens=(310, 0, 184, 154))      expert 1 is never reached

    Args:
        language: its tag.
        layer: name of the module that runs the experts.
        tokens: of each expert; every scored token counts once for each expert it is sent to.
    """

    language: str
    layer: str
    tokens: tuple[int, ...]

    @property
    def unreached(self) -> tuple[int, ...]:
        """Numbers of the experts that no token of the language was sent to."""
        return tuple(expert for expert, tokens in enumerate(self.tokens) if tokens == 0)


def expert_loads(counts: Mapping[Language, Mapping[str, np.ndarray]]) -> tuple[ExpertLoad, ...]:
    """The counts of all languages and layers as they stand in a report; empty for a dense model."""
    return tuple(
        ExpertLoad(language.tag, layer, tuple(map(int, tokens)))
        for language, of_layers in counts.items()
        for layer, tokens in of_layers.items()
    )


def unreached_experts(loads: Iterable[ExpertLoad]) -> dict[str, int]:
    """How many experts of all layers each language never reaches; empty for a dense model."""
    unreached: dict[str, int] = {}
    for load in loads:
        unreached[load.language] = unreached.get(load.language, 0) + len(load.unreached)
    return unreached


def expert_lines(loads: Sequence[ExpertLoad]) -> list[str]:
    """What stands below the table: a warning for each language that never reaches an expert, the most first."""
    if not loads:
        return []
    layers = {load.layer: len(load.tokens) for load in loads}
    experts = f"{sum(layers.values()):,} experts in {len(layers)} layers"
    lacking = {tag: count for tag, count in unreached_experts(loads).items() if count}
    if not lacking:
        return [f"experts: every language reaches all {experts}"]
    return [
        f"warning: {find_language(tag).name} never reaches {lacking[tag]:,} of {experts}: {_named(tag, loads)}"
        for tag in sorted(lacking, key=lambda tag: -lacking[tag])
    ]


def _named(tag: str, loads: Sequence[ExpertLoad]) -> str:
    every = [f"{load.layer}[{expert}]" for load in loads if load.language == tag for expert in load.unreached]
    more = f" and {len(every) - NAMED:,} more" if len(every) > NAMED else ""
    return f"{', '.join(every[:NAMED])}{more}"
