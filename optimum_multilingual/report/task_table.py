"""Downstream tasks as an aligned Markdown table, grouped by language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..languages import find_language
from .aligned import aligned

if TYPE_CHECKING:
    from .multilingual_report import MultilingualReport
    from .task_scores import TaskScore

HEADER = ("language", "task", "items", "before", "after", "change", "flips", "p (Holm)", "verdict")
LEFT_ALIGNED = ("language", "task", "verdict")


def format_tasks(report: MultilingualReport) -> list[str]:
    """The lines of the table and what stands below it; none where no tasks were run.

    Languages stand by their mean change, largest loss first. A language with several tasks has a line for their mean, in
    which each task above chance counts once.
    """
    if not report.tasks:
        return []
    return ["", *task_table(report), "", *task_notes(report)]


def task_table(report: MultilingualReport) -> list[str]:
    """The table alone."""
    languages = dict.fromkeys(score.language for score in report.tasks)
    by_language = [[score for score in report.tasks if score.language == language] for language in languages]
    rows = [row for scores in sorted(by_language, key=_mean_change) for row in _rows(scores)]
    return aligned(HEADER, rows, LEFT_ALIGNED)


def _mean_change(scores: Sequence[TaskScore]) -> float:
    counted = [score.change.value for score in scores if score.above_chance]
    return sum(counted) / len(counted) if counted else 0.0


def _rows(scores: Sequence[TaskScore]) -> list[tuple[str, ...]]:
    rows = [_row(score) for score in scores]
    counted = [score for score in scores if score.above_chance]
    if len(counted) > 1:
        rows.append(_mean_row(counted))
    return rows


def _row(score: TaskScore) -> tuple[str, ...]:
    return (
        _name(score),
        score.task,
        f"{score.items:,}",
        f"{score.reference:.1%} ± {score.reference_error:.1%}",
        f"{score.quantized:.1%} ± {score.quantized_error:.1%}",
        f"{score.change.value:+.1%}",
        f"{score.flips:.1%}",
        f"{score.p_adjusted:.3f}" if score.above_chance else "-",
        score.verdict,
    )


def _mean_row(scores: Sequence[TaskScore]) -> tuple[str, ...]:
    def mean(values: Sequence[float]) -> float:
        return sum(values) / len(scores)

    def error(errors: Sequence[float]) -> float:
        return sum(value**2 for value in errors) ** 0.5 / len(scores)

    before, after = [score.reference for score in scores], [score.quantized for score in scores]
    return (
        _name(scores[0]),
        f"mean of {len(scores)}",
        f"{sum(score.items for score in scores):,}",
        f"{mean(before):.1%} ± {error([score.reference_error for score in scores]):.1%}",
        f"{mean(after):.1%} ± {error([score.quantized_error for score in scores]):.1%}",
        f"{mean(after) - mean(before):+.1%}",
        f"{mean([score.flips for score in scores]):.1%}",
        "",
        "",
    )


def _name(score: TaskScore) -> str:
    return f"{score.name} ({find_language(score.language).short})"


def task_notes(report: MultilingualReport) -> list[str]:
    """What stands below the table: verdicts, tasks at chance, languages without a task."""
    counted = [score for score in report.tasks if score.above_chance]
    verdicts = [score.verdict for score in report.tasks]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    lines = [f"tasks, by McNemar's test corrected for {len(counted)} after Holm: {counts}"]
    if len(counted) < len(report.tasks):
        lines.append("at chance: the model before does not beat guessing there, so the task says nothing of the loss")
    covered = {score.language for score in report.tasks}
    without = [score.name for score in report.scores if score.language not in covered]
    if without:
        lines.append(f"no task in: {', '.join(without)}")
    return lines
