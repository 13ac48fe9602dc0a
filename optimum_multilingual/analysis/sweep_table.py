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

BEST = "* below all others of its row in at least {percent} of the bootstrap draws; no mark: unresolved"


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
            *(["", line] if (line := _broken(kl)) else []),
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
            _number(each.mean),
            _ends(each.mean),
            Language.from_tag(each.worst_language).name,
            _number(each.worst),
            _ends(each.worst),
            f"{each.best_share:.0%}",
        ]
        for each in ranking
    ]
    return aligned(header, rows, ["setting", "worst language"])


def _number(estimate: Estimate) -> str:
    return f"{estimate.value:.4f}" if math.isfinite(estimate.value) else "broken"


def _ends(estimate: Estimate) -> str:
    return f"{estimate.low:.4f} .. {estimate.high:.4f}" if math.isfinite(estimate.value) else ""


def _broken(losses: Losses) -> str:
    """Which languages are broken, with which settings, and over how many the mean is; nothing where all are whole."""
    broken, parts = ~np.isfinite(losses.values), []
    for place in np.flatnonzero(broken.any(axis=0)):
        settings = [setting for setting, is_broken in zip(losses.settings, broken[:, place]) if is_broken]
        every = len(settings) == len(losses.settings) > 1
        name = Language.from_tag(losses.languages[place]).name
        parts.append(f"{name} with {'every setting' if every else ', '.join(settings)}")
    kept, count = int(losses.compared.sum()), len(losses.languages)
    over = f" Mean and worst language are over {kept} of {count} languages." if kept < count else ""
    return f"Broken: {'; '.join(parts)}.{over}" if parts else ""


def conclusion(group: Group) -> str:
    """What one quantizer and number of bits says, in plain words."""
    losses = group.losses("kl")
    what = f"With {group.quantizer} at {group.bits} bits"
    said = _alone(losses.ranking()[0]) if len(losses.settings) == 1 else _side_by_side(losses)
    broken = _broken(losses)
    return f"{what}, {said}" + (f" {broken}" if broken else "")


def _alone(only: Ranked) -> str:
    if not math.isfinite(only.mean.value):
        return f"{only.setting} has no mean KL: every language is broken."
    worst = Language.from_tag(only.worst_language).name
    return f"{only.setting} has a mean KL of {only.mean.value:.4f}; its worst language is {worst}."


def _side_by_side(losses: Losses) -> str:
    ranking = losses.ranking()
    whole = [each for each in ranking if math.isfinite(each.mean.value)]
    if not whole:
        return "which setting is best is unresolved: no language is whole with all those that broke the fewest."
    by_worst = min(whole, key=lambda each: each.worst.value)
    marked = "" if by_worst.best_worst_share >= losses.confidence else ", which is unresolved"
    rows = [losses.best(place) for place in range(len(losses.languages))]
    own = sum(place is not None for place in rows)
    last = whole[-1]
    highest = f"; {last.setting} has the highest, {last.mean.value:.4f}" if last.rank.value > 1 else ""
    return (
        f"{_lowest_mean(ranking, losses.confidence)}{highest}. The worst language loses least with "
        f"{by_worst.setting} ({Language.from_tag(by_worst.worst_language).name} {by_worst.worst.value:.4f}){marked}. The best "
        f"setting is resolved in {own} of {len(rows)} languages."
    )


def _lowest_mean(ranking: list[Ranked], confidence: float) -> str:
    first, alike = ranking[0], [each.setting for each in ranking if each.rank.value == 1]
    number = f"{first.mean.value:.4f} ({_ends(first.mean)})"
    if first.best_share >= confidence:
        return f"{first.setting} has the lowest mean KL, {number}"
    unresolved = "which setting has the lowest mean KL is unresolved"
    if len(alike) > 1:
        return f"{unresolved}; {' and '.join(alike)} have the same, {number}"
    return f"{unresolved}; {first.setting} has {number} and is lowest in {first.best_share:.0%} of the draws"
