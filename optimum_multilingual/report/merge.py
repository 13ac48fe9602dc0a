"""One report of several that measured other languages of the same quantized model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ..errors import ConfigError
from ..languages import Language
from .draws import Draw
from .grouping import groups_of
from .multilingual_report import MultilingualReport
from .scores import BROKEN, Estimate, GroupScore, LanguageScore
from .significance import correct_for_many
from .task_scores import correct_tasks

# What languages measured apart may differ in: each has its own text, and rounding is measured anew.
FREE = ("corpus", "noise_floor", "merged_reports")


def merge_reports(reports: Sequence[MultilingualReport]) -> MultilingualReport:
    """Joins reports of the same setting over different languages, as if all languages had been measured at once.

        >>> merge_reports([MultilingualReport.load("europe.json"), MultilingualReport.load("africa.json")])

    Verdicts are corrected for the number of all languages, above the largest noise floor. Means of groups are computed
    anew. Reports do not hold the bootstrap draws behind an interval: a group keeps its interval where one report has all
    of its languages, and has none (NaN) otherwise.

    Raises:
        ConfigError: fewer than two reports, another setting, calibration or way of measuring, or a language, or a downstream
            task in one language, twice.
    """
    if len(reports) < 2:
        raise ConfigError(f"Merging takes two or more reports, got {len(reports)}.")
    _require_same_setting(reports)
    _require_disjoint(reports)
    _require_tasks_once(reports)
    floors = [report.evaluation["noise_floor"] for report in reports]
    noise_floor = max((floor for floor in floors if floor is not None), default=None)
    together = [score for report in reports for score in report.scores]
    scores = correct_for_many(together, reports[0].evaluation["confidence"], noise_floor)
    evaluation = {
        **reports[0].evaluation,
        "corpus": _corpus([report.evaluation["corpus"] for report in reports]),
        "noise_floor": noise_floor,
        "merged_reports": sum(report.evaluation.get("merged_reports", 1) for report in reports),
    }
    known = {
        (group.kind, group.name, frozenset(group.languages)): group for report in reports for group in report.groups
    }
    tasks = correct_tasks([task for report in reports for task in report.tasks], evaluation["confidence"])
    return MultilingualReport(
        tuple(scores),
        _groups(scores, known),
        reports[0].setting,
        evaluation,
        reports[0].calibration,
        tasks,
        _draws(reports),
        tuple(load for report in reports for load in report.experts),
        tuple(each for report in reports for each in report.coverage),
    )


def _require_same_setting(reports: Sequence[MultilingualReport]) -> None:
    first = _setting(reports[0])
    for number, report in enumerate(reports[1:], 2):
        other = _setting(report)
        for key in dict.fromkeys((*first, *other)):
            if first.get(key) != other.get(key):
                raise ConfigError(
                    f"Reports 1 and {number} differ in {key} ({first.get(key)!r} and {other.get(key)!r}), and only reports "
                    "of one quantized model, measured in the same way, can be merged; to see two settings side by side, "
                    "compare them."
                )


def _setting(report: MultilingualReport) -> dict[str, Any]:
    """All that must be the same, by a name to tell."""
    calibration = None if report.calibration is None else report.calibration.get("fingerprint")
    measured = {f"evaluation {key}": value for key, value in report.evaluation.items() if key not in FREE}
    thresholds = sorted({score.collapse.threshold for score in report.scores})
    draws = [(draw.seed, draw.fingerprint) for draw in report.draws]
    return {
        **report.setting,
        "calibration fingerprint": calibration,
        **measured,
        "collapse threshold": thresholds,
        "draws of the calibration set": draws,
    }


def _draws(reports: Sequence[MultilingualReport]) -> tuple[Draw, ...]:
    """Each draw over all languages."""
    return tuple(
        replace(draws[0], languages=tuple(score for draw in draws for score in draw.languages))
        for draws in zip(*(report.draws for report in reports), strict=True)
    )


def _require_disjoint(reports: Sequence[MultilingualReport]) -> None:
    seen: dict[str, int] = {}
    for number, report in enumerate(reports, 1):
        for score in report.scores:
            if score.language in seen:
                raise ConfigError(
                    f"{score.name} ({score.language}) is in report {seen[score.language]} and in report {number}, and its "
                    "two measurements cannot be joined; leave one of the reports out, or compare them."
                )
            seen[score.language] = number


def _require_tasks_once(reports: Sequence[MultilingualReport]) -> None:
    seen: dict[tuple[str, str], int] = {}
    for number, report in enumerate(reports, 1):
        for task in report.tasks:
            key = (task.task, task.language)
            if key in seen:
                raise ConfigError(
                    f"Task {task.task!r} in {task.name} ({task.language}) is in report {seen[key]} and in report {number}, and "
                    "would count twice; one task may be merged in several languages, but in each of them once. Leave one of "
                    "the reports out, or compare them."
                )
            seen[key] = number


def _corpus(corpora: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first = corpora[0]
    return first if all(corpus == first for corpus in corpora) else {"kind": "merged", "corpora": list(corpora)}


def _groups(
    scores: Sequence[LanguageScore], known: dict[tuple[str, str, frozenset[str]], GroupScore]
) -> tuple[GroupScore, ...]:
    whole = {score.language: score for score in scores if score.verdict != BROKEN}
    merged = []
    for kind, name, tags in groups_of([Language.from_tag(score.language) for score in scores]):
        group = [whole[tag] for tag in tags if tag in whole]
        if group:
            kept = known.get((kind, name, frozenset(score.language for score in group)))
            merged.append(kept or _mean(kind, name, group))
    return tuple(merged)


def _mean(kind: str, name: str, group: Sequence[LanguageScore]) -> GroupScore:
    def mean(measure: Callable[[LanguageScore], Estimate]) -> Estimate:
        return Estimate(sum(measure(score).value for score in group) / len(group), math.nan, math.nan)

    return GroupScore(
        kind,
        name,
        tuple(score.language for score in group),
        relative_change=mean(lambda score: score.relative_change),
        kl=mean(lambda score: score.kl.mean),
        top1_agreement=mean(lambda score: score.top1_agreement),
    )
