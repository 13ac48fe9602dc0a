"""A sweep as text: the tables of papers, rankings, and what came out in plain words."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..languages import Language
from ..report.aligned import aligned
from ..report.scores import Estimate
from .ranking import Losses, Ranked

if TYPE_CHECKING:
    from .sweep_result import Group

BEST = "* lowest of its row in at least {percent} of the bootstrap draws; no mark: unresolved"


def group_table(group: Group) -> str:
    """Perplexity and KL, languages down and settings across, and the ranking, of one quantizer and number of bits."""
    kl, loss = group.losses("kl"), group.losses("loss")
    reference = next(iter(group.cells.values()))[0].report
    before = {score.language: score.reference.perplexity for score in reference.scores}
    percent = f"{100 * kl.confidence:g}%"
    return "\n".join(
        [
            f"## {group.quantizer}, {group.bits} bits",
            "",
            f"Perplexity; {group.drawn}.",
            "",
            *_table(loss, {"reference": [before[tag] for tag in loss.languages]}, np.exp, ".2f"),
            "",
            "KL to the reference, nats a token.",
            "",
            *_table(kl, {}, np.asarray, ".4f"),
            "",
            BEST.format(percent=percent),
            "",
            *_ranking(kl.ranking(), percent),
        ]
    )


def _table(
    losses: Losses, first: dict[str, list[float]], shown: Callable[[np.ndarray], np.ndarray], form: str
) -> list[str]:
    rows = []
    values = shown(losses.values)
    for place, tag in enumerate(losses.languages):
        best = losses.best(place)
        cells = [f"{column[place]:{form}}" for column in first.values()]
        for setting, value in enumerate(values[:, place]):
            mark = " *" if best == setting else "  " if len(losses.settings) > 1 else ""
            cells.append((f"{value:{form}}" if math.isfinite(value) else "broken") + mark)
        rows.append([f"{Language.from_tag(tag).name} ({tag})", *cells])
    return aligned(["language", *first, *losses.settings], rows, ["language"])


def _ranking(ranking: list[Ranked], percent: str) -> list[str]:
    header = [
        "setting",
        "rank",
        "mean KL",
        f"{percent} interval",
        "worst language",
        "its KL",
        "interval",
        "lowest mean in",
    ]
    rows = [
        [
            each.setting,
            f"{each.rank.value:.0f} ({each.rank.low:.0f} .. {each.rank.high:.0f})",
            f"{each.mean.value:.4f}",
            _ends(each.mean),
            Language.from_tag(each.worst_language).name,
            f"{each.worst.value:.4f}",
            _ends(each.worst),
            f"{each.best_share:.0%}",
        ]
        for each in ranking
    ]
    return aligned(header, rows, ["setting", "worst language"])


def _ends(estimate: Estimate) -> str:
    return f"{estimate.low:.4f} .. {estimate.high:.4f}"


def conclusion(group: Group) -> str:
    """What one quantizer and number of bits says, in plain words."""
    losses = group.losses("kl")
    ranking = losses.ranking()
    first, last = ranking[0], ranking[-1]
    what = f"With {group.quantizer} at {group.bits} bits"
    if len(ranking) == 1:
        worst = Language.from_tag(first.worst_language).name
        return f"{what}, {first.setting} has a mean KL of {first.mean.value:.4f}; its worst language is {worst}."
    resolved = first.best_share >= losses.confidence
    lead = (
        f"{first.setting} has the lowest mean KL, {first.mean.value:.4f} ({_ends(first.mean)})"
        if resolved
        else f"which setting has the lowest mean KL is unresolved; {first.setting} has {first.mean.value:.4f} "
        f"({_ends(first.mean)}) and is lowest in {first.best_share:.0%} of the draws"
    )
    by_worst = min(ranking, key=lambda each: each.worst.value)
    marked = "" if by_worst.best_worst_share >= losses.confidence else ", which is unresolved"
    rows = [losses.best(place) for place in range(len(losses.languages))]
    own = sum(place is not None for place in rows)
    return (
        f"{what}, {lead}; {last.setting} has the highest, {last.mean.value:.4f}. The worst language loses least with "
        f"{by_worst.setting} ({Language.from_tag(by_worst.worst_language).name} {by_worst.worst.value:.4f}){marked}. The best "
        f"setting is resolved in {own} of {len(rows)} languages."
    )
