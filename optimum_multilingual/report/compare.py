"""Several settings side by side, where the same text and the same reference stand behind all numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..languages import Language
from .comparison_table import format_comparison
from .multilingual_report import MultilingualReport
from .scores import BROKEN, LanguageScore
from .setting_labels import common_setting, labels_of

if TYPE_CHECKING:
    import pyarrow

# Reference scores of equal models on equal text differ by what devices and types round; other models differ by more.
SAME_REFERENCE = 2e-3


@dataclass(frozen=True)
class Comparison:
    """Two or more reports on the same text, made by `compare_reports`.

        >>> comparison = compare_reports([three_bits, four_bits])
        >>> print(comparison)                      # languages x settings: change, KL, verdict
        >>> comparison.best("swh_Latn")            # 1: four bits, because the intervals do not overlap

    Args:
        reports: in the order given.
        labels: what tells each setting from the others, such as "bits 3".
    """

    reports: tuple[MultilingualReport, ...]
    labels: tuple[str, ...]

    def __str__(self) -> str:
        return self.to_markdown()

    @cached_property
    def scores(self) -> tuple[Mapping[str, LanguageScore], ...]:
        """The scores of each report, by language."""
        return tuple({score.language: score for score in report.scores} for report in self.reports)

    @cached_property
    def worst_first(self) -> tuple[str, ...]:
        """All languages by the largest change that any setting did to them; those that one broke come first."""
        worst: dict[str, float] = {}
        for of_it in self.scores:
            for language, score in of_it.items():
                change = math.inf if score.verdict == BROKEN else score.relative_change.value
                worst[language] = max(change, worst.get(language, -math.inf))
        return tuple(sorted(worst, key=lambda language: -worst[language]))

    @cached_property
    def shared(self) -> tuple[str, ...]:
        """The languages that every report has, worst first."""
        return tuple(language for language in self.worst_first if all(language in of_it for of_it in self.scores))

    @property
    def common_setting(self) -> str:
        """What all settings have in common, such as "model tiny, method gptq"."""
        return common_setting(self.reports)

    @staticmethod
    def name_of(language: str) -> str:
        """The English name of a language."""
        return Language.from_tag(language).name

    def best(self, language: str) -> int | None:
        """The place of the setting whose whole interval of the change lies below those of all others; None if none does.

        Intervals of settings share their documents, so two that touch may still differ: this says too little, not too much.
        A setting that broke the language counts as worse than any other.
        """
        changes = {
            place: (math.inf, math.inf)
            if score.verdict == BROKEN
            else (score.relative_change.low, score.relative_change.high)
            for place, of_it in enumerate(self.scores)
            if (score := of_it.get(language)) is not None
        }
        if len(changes) < 2:
            return None
        first = min(changes, key=lambda place: changes[place][1])
        below_all = all(changes[first][1] < low for place, (low, _) in changes.items() if place != first)
        return first if below_all else None

    def to_markdown(self) -> str:
        """A Markdown table that is also readable as it is: languages down, settings across, the best of a row starred."""
        return format_comparison(self)

    def to_arrow(self) -> pyarrow.Table:
        """The rows of all reports below each other; the columns that begin with `setting` say which is whose."""
        from .rows import arrow_table

        return arrow_table(self.reports)

    def to_html(self) -> str:
        """A page that needs nothing beside itself: the table, which sorts, and the heat map."""
        from .page import comparison_page

        return comparison_page(self)

    def save(self, path: str | Path) -> None:
        """Writes the comparison as its path ends: .md, .csv, .parquet, .html, and .png or .svg for the heat map.

        Raises:
            ConfigError: another ending; JSON holds one report.
            MissingPackageError: a picture was asked for and matplotlib is not installed.
        """
        from .output_files import save_comparison

        save_comparison(self, Path(path))


def compare_reports(reports: Sequence[MultilingualReport]) -> Comparison:
    """Puts settings side by side, after making sure that their numbers can be.

        >>> print(compare_reports([MultilingualReport.load("out-3bit/"), MultilingualReport.load("out-4bit/")]))

    Args:
        reports: on the same text, against the same reference, with intervals of the same confidence. Languages that only
            some of them have are shown, and not compared.

    Raises:
        ConfigError: fewer than two, or they do not fit together; the message says where.
    """
    if len(reports) < 2:
        raise ConfigError(f"A comparison takes two or more reports, got {len(reports)}.")
    labels = labels_of(reports)
    for (label, report), (other_label, other) in combinations(zip(labels, reports), 2):
        _require_same_measuring(f"{label!r} and {other_label!r}", report, other)
    comparison = Comparison(tuple(reports), labels)
    if not comparison.shared:
        raise ConfigError(
            "No language is in all of these reports, so there is nothing to compare; to join them, merge them."
        )
    return comparison


def _require_same_measuring(which: str, report: MultilingualReport, other: MultilingualReport) -> None:
    for key in ("model", "revision"):
        if report.setting.get(key) != other.setting.get(key):
            raise ConfigError(
                f"{which} have different reference models ({key} {report.setting.get(key)!r} and {other.setting.get(key)!r}); "
                "only losses from the same model can be compared."
            )
    windows = report.evaluation.get("sequence_length"), other.evaluation.get("sequence_length")
    if windows[0] != windows[1]:
        raise ConfigError(
            f"{which} were measured in windows of up to {windows[0]} and {windows[1]} tokens. Windows are as long as the "
            "calibration rows unless said otherwise: evaluate both again with one length, by "
            "EvaluationConfig(sequence_length=...) or --evaluation-sequence-length."
        )
    confidences = report.evaluation["confidence"], other.evaluation["confidence"]
    if confidences[0] != confidences[1]:
        raise ConfigError(
            f"{which} have intervals of different confidence ({confidences[0]:g} and {confidences[1]:g})."
        )
    others = {score.language: score for score in other.scores}
    for score in report.scores:
        if score.language in others:
            _require_same_text(which, score, others[score.language])


def _require_same_text(which: str, score: LanguageScore, other: LanguageScore) -> None:
    texts = [(each.documents, each.tokens, each.num_bytes, each.num_characters) for each in (score, other)]
    if texts[0] != texts[1]:
        raise ConfigError(
            f"{which} measured {score.name} on different text ({_text(score)}, and {_text(other)}); evaluate both on the "
            "same corpus, with the same number of tokens and the same seed."
        )
    if abs(score.reference.nll - other.reference.nll) > SAME_REFERENCE * abs(score.reference.nll):
        raise ConfigError(
            f"{which} give the reference model different scores in {score.name} ({score.reference.nll:.5f} and "
            f"{other.reference.nll:.5f} nats a token), so the reference or the text is not the same; evaluate both again "
            "against one reference, on one corpus."
        )


def _text(score: LanguageScore) -> str:
    return f"{score.tokens:,} tokens in {score.num_bytes:,} bytes of {score.documents:,} documents"
