"""The report as an aligned Markdown table: readable in a terminal, rendered on a model page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .languages import find_language

if TYPE_CHECKING:
    from .report import Estimate, LanguageScore, MultilingualReport

HEADER = (
    "language", "tokens", "ppl before", "ppl after", "bits/byte before", "bits/byte after",
    "change", "interval", "KL", "top-1", "verdict",
)  # fmt: skip
LEFT_ALIGNED = ("language", "verdict")


def format_report(report: MultilingualReport) -> str:
    """Lays a report out: a line on the setting, the table with the worst language first, a summary."""
    rows = [_row(score) for score in report.worst_first]
    return "\n".join([_setting_line(report), "", *_aligned(HEADER, rows), "", *_summary_lines(report)])


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


def _aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[column]) for line in (header, *rows)) for column in range(len(header))]
    left = [name in LEFT_ALIGNED for name in header]
    rule = [f":{'-' * (width - 1)}" if is_left else f"{'-' * (width - 1)}:" for width, is_left in zip(widths, left)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(cells, widths, left, strict=True)
        ]
        return f"| {' | '.join(padded)} |"

    return [line(header), line(rule), *map(line, rows)]


def _setting_line(report: MultilingualReport) -> str:
    setting: dict[str, Any] = report.setting
    parts = [f"{key} {value}" for key, value in setting.items() if value is not None]
    percent = 100 * report.evaluation["confidence"]
    return f"{', '.join(parts)}; {percent:g}% intervals from {report.evaluation['bootstrap_draws']} paired draws"


def _summary_lines(report: MultilingualReport) -> list[str]:
    change, kl = report.summary("relative_change"), report.summary("kl")
    verdicts = [score.verdict for score in report.scores]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    return [
        f"change of bits/byte: macro mean {change.macro_mean:+.2%}, worst {find_language(change.worst).name} "
        f"{change.worst_value:+.2%}, gap {change.gap:.2%}",
        f"KL to the reference: macro mean {kl.macro_mean:.4f}, worst {find_language(kl.worst).name} "
        f"{kl.worst_value:.4f}, gap {kl.gap:.4f}",
        f"verdicts: {counts}",
    ]
