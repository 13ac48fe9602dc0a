"""The report as an aligned Markdown table: readable in a terminal, rendered on a model page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..languages import find_language
from .aligned import aligned
from .coverage import coverage_lines
from .draws import draw_columns, draw_lines
from .expert_loads import expert_lines
from .scores import BROKEN
from .searched_shares import search_lines
from .task_table import format_tasks

if TYPE_CHECKING:
    from .multilingual_report import MultilingualReport
    from .scores import Estimate, GroupScore, LanguageScore

HEADER = (
    "language", "tokens", "ppl before", "ppl after", "bits/byte before", "bits/byte after",
    "change", "interval", "KL", "top-1", "verdict",
)  # fmt: skip
LEFT_ALIGNED = ("language", "verdict")


def format_report(report: MultilingualReport) -> str:
    """Lays a report out: a line on the setting, the table with the worst language first, a summary, tasks if any were run."""
    return "\n".join(
        [setting_line(report), "", *language_table(report), "", *report_summary(report), *format_tasks(report)]
    )


def language_table(report: MultilingualReport) -> list[str]:
    """The table of languages, the worst first."""
    *header, verdict = HEADER
    of_draws = draw_columns(report.draws)
    rows = []
    for score in report.worst_first:
        *cells, last = _row(score)
        rows.append((*cells, *of_draws.get(score.language, ()), last))
    columns = (*header, *([f"{len(report.draws)} draws"] if report.draws else []), verdict)
    return aligned(columns, rows, LEFT_ALIGNED)


def _row(score: LanguageScore) -> tuple[str, ...]:
    return (
        f"{score.name} ({find_language(score.language).short})",
        f"{score.tokens:,}",
        f"{score.reference.perplexity:.2f}",
        f"{score.quantized.perplexity:.2f}",
        f"{score.reference.bits_per_byte:.4f}",
        f"{score.quantized.bits_per_byte:.4f}",
        f"{score.relative_change.value:+.2%}",
        _percent_interval(score.relative_change),
        f"{score.kl.mean.value:.4f}",
        f"{score.top1_agreement.value:.1%}",
        score.verdict,
    )


def _percent_interval(estimate: Estimate) -> str:
    return f"{estimate.low:+.2%} .. {estimate.high:+.2%}"


def setting_line(report: MultilingualReport) -> str:
    """What was measured, how it was quantized, and what the intervals are, in one line."""
    setting: dict[str, Any] = report.setting
    parts = [f"{key} {value}" for key, value in setting.items() if value is not None]
    percent = 100 * report.evaluation["confidence"]
    intervals = f"{percent:g}% intervals from {report.evaluation['bootstrap_draws']} paired draws"
    return f"{', '.join(parts)}; {_text(report.evaluation)}; {intervals}"


def _text(evaluation: dict[str, Any]) -> str:
    corpus = evaluation["corpus"]
    name = corpus.get("name") or corpus["kind"]
    strides = f" with a stride of {evaluation['stride']}" if evaluation.get("stride") else ""
    return f"measured on held-out text of corpus {name} in windows of up to {evaluation['sequence_length']} tokens{strides}"


def report_summary(report: MultilingualReport) -> list[str]:
    """What stands below the table: means, worst languages, groups, verdicts, and what is lacking."""
    verdicts = [score.verdict for score in report.scores]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    collapsed = sum(len(score.collapse.documents) for score in report.scores)
    documents = sum(score.documents for score in report.scores)
    threshold = report.scores[0].collapse.threshold
    return [
        *(_broken_lines(report) if BROKEN in verdicts else _mean_lines(report)),
        *_group_lines(report),
        *draw_lines(report.draws),
        *search_lines(report.calibration),
        f"verdicts, corrected for {len(verdicts)} languages after Holm: {counts}",
        f"documents that lost more than {threshold:g} nats a token: {collapsed} of {documents}; noise floor of the change "
        f"{_floor(report.evaluation['noise_floor'])}",
        *expert_lines(report.experts),
        *coverage_lines(report.coverage),
        *_merged_lines(report),
    ]


def _mean_lines(report: MultilingualReport) -> list[str]:
    change, kl = report.summary("relative_change"), report.summary("kl")
    return [
        f"change of bits/byte: macro mean {change.macro_mean:+.2%}{_interval_of_all(report)}, worst "
        f"{find_language(change.worst).name} {change.worst_value:+.2%}, gap {change.gap:.2%}",
        f"KL to the reference: macro mean {kl.macro_mean:.4f}, worst {find_language(kl.worst).name} "
        f"{kl.worst_value:.4f}, gap {kl.gap:.4f}{_over_english(kl.to_english)}",
    ]


def _broken_lines(report: MultilingualReport) -> list[str]:
    """Where a language is broken there is no mean over all, and no language is worse."""
    broken = ", ".join(score.name for score in report.scores if score.verdict == BROKEN)
    lines = [f"broken, with scores that are no numbers: {broken}"]
    for group in report.groups:
        if group.kind == "all":
            mean, count = group.relative_change, len(group.languages)
            lines.append(
                f"change of bits/byte: macro mean of the other {count} {mean.value:+.2%}{_interval_of_all(report)}; KL "
                f"{group.kl.value:.4f}"
            )
    return lines


def _floor(noise_floor: float | None) -> str:
    return "not measured" if noise_floor is None else f"{noise_floor:.1e}"


def _merged_lines(report: MultilingualReport) -> list[str]:
    """What a merged report lacks: the draws behind an interval are not kept in reports."""
    if "merged_reports" not in report.evaluation:
        return []
    lacking = [group.name for group in report.groups if math.isnan(group.relative_change.low)]
    return [
        f"merged from {report.evaluation['merged_reports']} reports; no interval, because reports hold no bootstrap draws, for "
        f"the means of these groups: {', '.join(lacking) or 'none'}"
    ]


def _interval_of_all(report: MultilingualReport) -> str:
    whole = [group.relative_change for group in report.groups if group.kind == "all"]
    return f" ({_percent_interval(whole[0])})" if whole and not math.isnan(whole[0].low) else ""


def _over_english(ratio: float) -> str:
    return "" if math.isnan(ratio) else f", others over English {ratio:.2f}"


def _group_lines(report: MultilingualReport) -> list[str]:
    """One line for scripts and one for tiers, where there are several of them."""
    lines = []
    for kind, title in (("script", "by script"), ("tier", "by resource tier")):
        groups = [group for group in report.groups if group.kind == kind]
        if len(groups) > 1:
            lines.append(f"{title}: {', '.join(map(_group, groups))}")
    return lines


def _group(group: GroupScore) -> str:
    return f"{group.name} {group.relative_change.value:+.2%} ({len(group.languages)})"
