"""Reports and comparisons as an HTML page that needs nothing beside itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING

from ..errors import MissingPackageError
from ..languages import Language
from .canvas import inline_svg
from .comparison_table import summary_lines
from .scores import Estimate, GroupScore, LanguageScore
from .table import report_summary, setting_line
from .task_scores import AT_CHANCE, TaskScore

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .compare import Comparison
    from .multilingual_report import MultilingualReport


@dataclass(frozen=True)
class Cell:
    """What a reader sees in a place of a table, and what the table sorts by.

    Args:
        text: as shown.
        key: a number or a text; None sorts last.
        verdict: one of the verdicts, which gives the cell its colour and sign; "" for all other cells.
    """

    text: str
    key: float | str | None
    verdict: str = ""


@dataclass(frozen=True)
class Table:
    """A table of a page.

    Args:
        caption: what it shows.
        header: name of each column, and what the number is.
        rows: cells, the first of which names the row.
    """

    caption: str
    header: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Cell, ...], ...]


LANGUAGE = ("Language", "English name and tag")
MEASURES = (
    ("Verdict", "corrected for the number of languages after Holm"),
    ("Tokens", "text that was scored, in tokens"),
    ("Perplexity before", "of the reference; comparable inside a language only"),
    ("Perplexity after", "of the quantized model"),
    ("Bits/byte before", "negative log-likelihood in bits over the bytes of the text, reference"),
    ("Bits/byte after", "the same, quantized model"),
    ("Change", "of bits per byte, relative to the reference"),
    ("Interval", "of the change, from a paired bootstrap over documents"),
    ("KL", "mean over tokens of KL(reference || quantized), in nats"),
    ("KL 99%", "99% quantile over tokens, in nats"),
    ("Top-1", "share of tokens where both models' likeliest token is the same"),
    ("Collapsed", "documents that lost more than a threshold"),
)
GROUP_HEADER = (
    ("Group", "all languages, a script, or a tier of resources"),
    ("Languages", "in the mean, each counts once"),
    *((name, meaning) for name, meaning in MEASURES if name in ("Change", "Interval", "KL", "Top-1")),
)
TASK_HEADER = (
    ("Task", "its name in lm-evaluation-harness"),
    LANGUAGE,
    ("Verdict", "by McNemar's test, corrected for the number of tasks after Holm"),
    ("Items", "questions that were asked"),
    ("Accuracy before", "of the reference, with its standard error"),
    ("Accuracy after", "of the quantized model, with its standard error"),
    ("Change", "of the accuracy, in points"),
    ("Interval", "of the change, over paired items"),
    ("Flips", "items whose answer went from right to wrong or back"),
    ("p", "that as many were gained as lost, after Holm"),
)


def report_page(report: MultilingualReport) -> str:
    """One report as a page: summary, plots, the table of languages, the table of groups.

    The plots need matplotlib. Without it the page is made all the same, and says what it lacks and how to get it.
    """
    from .output_files import draw

    languages = Table(
        "Languages, worst first", (LANGUAGE, *MEASURES), tuple(_language_row(score) for score in report.worst_first)
    )
    groups = Table("Groups of languages", GROUP_HEADER, tuple(_group_row(group) for group in report.groups))
    tables = [languages, groups, *([_task_table(report)] if report.tasks else [])]
    alts = {
        "damage": "Change of bits per byte of each language with its interval; the table below has the numbers.",
        "models": "Bits per byte of each language before and after; the table below has the numbers.",
        "divergence": "Quantiles of the divergence of each language on a logarithmic axis.",
    }
    plots = [(name, alt, partial(draw, report, name)) for name, alt in alts.items()]
    return _page("What each language lost", setting_line(report), report_summary(report), tables, plots)


def comparison_page(comparison: Comparison) -> str:
    """A comparison as a page: summary, heat map, and the table of languages by settings."""
    from .heat_map import plot_heat_map

    meanings = {name: meaning for name, meaning in MEASURES if name in ("Change", "Interval", "KL", "Verdict")}
    header = [(f"{label}: {name}", meaning) for label in comparison.labels for name, meaning in meanings.items()]
    rows = [_comparison_row(comparison, language) for language in comparison.worst_first]
    table = Table("Languages, worst first", (LANGUAGE, *header), tuple(rows))
    alt = "Change of bits per byte, languages down and settings across; the table below has the numbers."
    plots = [("heat-map", alt, partial(plot_heat_map, comparison))]
    return _page("Settings side by side", comparison.common_setting, summary_lines(comparison), [table], plots)


def _page(
    title: str,
    setting: str,
    summary: Sequence[str],
    tables: Sequence[Table],
    plots: Sequence[tuple[str, str, Callable[[], Figure]]],
) -> str:
    from jinja2 import Environment, StrictUndefined

    source = resources.files("optimum_multilingual").joinpath("data", "report.html.jinja").read_text(encoding="utf-8")
    template = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(source)
    try:
        pictures, lacking = [inline_svg(draw(), name, alt) for name, alt, draw in plots], ""
    except MissingPackageError as error:
        pictures, lacking = [], str(error)
    return template.render(
        title=title, setting=setting, summary=summary, tables=tables, pictures=pictures, lacking=lacking
    )


def _language_row(score: LanguageScore) -> tuple[Cell, ...]:
    return (
        _name(score.language),
        Cell(score.verdict, score.verdict, score.verdict),
        Cell(f"{score.tokens:,}", score.tokens),
        _number(score.reference.perplexity, ".2f"),
        _number(score.quantized.perplexity, ".2f"),
        _number(score.reference.bits_per_byte, ".4f"),
        _number(score.quantized.bits_per_byte, ".4f"),
        *_change(score.relative_change),
        _number(score.kl.mean.value, ".4f"),
        _number(score.kl.p99, ".4f"),
        _number(score.top1_agreement.value, ".1%"),
        Cell(f"{len(score.collapse.documents)} of {score.documents}", len(score.collapse.documents)),
    )


def _group_row(group: GroupScore) -> tuple[Cell, ...]:
    name = "all" if group.kind == "all" else f"{group.kind} {group.name}"
    return (
        Cell(name, name),
        Cell(str(len(group.languages)), len(group.languages)),
        *_change(group.relative_change),
        _number(group.kl.value, ".4f"),
        _number(group.top1_agreement.value, ".1%"),
    )


def _task_table(report: MultilingualReport) -> Table:
    rows = sorted(report.tasks, key=lambda score: score.change.value)
    return Table("Downstream tasks, largest loss first", TASK_HEADER, tuple(_task_row(score) for score in rows))


def _task_row(score: TaskScore) -> tuple[Cell, ...]:
    p = _number(score.p_adjusted, ".3f") if score.above_chance else Cell("-", None)
    return (
        Cell(score.task, score.task),
        _name(score.language),
        Cell(score.verdict, score.verdict, "" if score.verdict == AT_CHANCE else score.verdict),
        Cell(f"{score.items:,}", score.items),
        Cell(f"{score.reference:.1%} ± {score.reference_error:.1%}", score.reference),
        Cell(f"{score.quantized:.1%} ± {score.quantized_error:.1%}", score.quantized),
        *_change(score.change),
        _number(score.flips, ".1%"),
        p,
    )


def _comparison_row(comparison: Comparison, language: str) -> tuple[Cell, ...]:
    best, cells = comparison.best(language), [_name(language)]
    for place, of_it in enumerate(comparison.scores):
        score = of_it.get(language)
        if score is None:
            cells += [Cell("not measured", None), *[Cell("", None)] * 3]
            continue
        mark = " *" if best == place else ""
        cells.append(Cell(score.verdict + mark, score.verdict, score.verdict))
        cells += [*_change(score.relative_change), _number(score.kl.mean.value, ".4f")]
    return tuple(cells)


def _name(tag: str) -> Cell:
    name = Language.from_tag(tag).name
    return Cell(f"{name} ({tag})", name)


def _change(change: Estimate) -> tuple[Cell, Cell]:
    """A change and its interval, which sorts by its lower end."""
    known = math.isfinite(change.low)
    interval = Cell(f"{change.low:+.2%} to {change.high:+.2%}", change.low) if known else Cell("none", None)
    return _number(change.value, "+.2%"), interval


def _number(value: float, form: str) -> Cell:
    return Cell(format(value, form), value) if math.isfinite(value) else Cell("not finite", None)
