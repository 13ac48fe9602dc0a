"""A comparison as an aligned Markdown table: readable in a terminal, rendered on a model page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .aligned import aligned
from .scores import BROKEN, LanguageScore

if TYPE_CHECKING:
    from .compare import Comparison

BEST = "* best of its row: the whole interval of its change lies below those of the other settings"


def format_comparison(comparison: Comparison) -> str:
    """Lays a comparison out: the common setting, the table with the worst language first, a summary of each setting."""
    columns = ("change", "KL", "verdict")
    header = ["language", *(f"{label}: {column}" for label in comparison.labels for column in columns)]
    rows = [_row(comparison, language) for language in comparison.worst_first]
    words = [name for name in header if name == "language" or name.endswith(": verdict")]
    table = aligned(header, rows, words)
    return "\n".join([comparison.common_setting, "", *table, "", *summary_lines(comparison)])


def _row(comparison: Comparison, language: str) -> list[str]:
    best, cells = comparison.best(language), [f"{comparison.name_of(language)} ({language})"]
    for place, of_it in enumerate(comparison.scores):
        score = of_it.get(language)
        cells += ("", "", "not measured") if score is None else _cells(score, best == place)
    return cells


def _cells(score: LanguageScore, is_best: bool) -> tuple[str, str, str]:
    if score.verdict == BROKEN:
        return "", "", BROKEN
    mark = " *" if is_best else ""
    return f"{score.relative_change.value:+.2%}", f"{score.kl.mean.value:.4f}", score.verdict + mark


def summary_lines(comparison: Comparison) -> list[str]:
    """Mean and worst language of each setting, over the same languages for all, and in how many it is best."""
    whole = [
        language
        for language in comparison.shared
        if all(of_it[language].verdict != BROKEN for of_it in comparison.scores)
    ]
    best = [comparison.best(language) for language in comparison.shared]
    lines = [f"over the {len(whole)} languages that all settings have and none broke:"] if whole else []
    for place, (label, of_it) in enumerate(zip(comparison.labels, comparison.scores)):
        parts = []
        if whole:
            changes = [of_it[language].relative_change.value for language in whole]
            worst = max(whole, key=lambda language: of_it[language].relative_change.value)
            parts.append(f"mean change {sum(changes) / len(changes):+.2%}")
            parts.append(f"worst {comparison.name_of(worst)} {max(changes):+.2%}")
        broken = sum(score.verdict == BROKEN for score in of_it.values())
        parts += [f"best of {best.count(place)} rows", *([f"{broken} broken"] if broken else [])]
        lines.append(f"{label}: {', '.join(parts)}")
    return [*lines, BEST]
