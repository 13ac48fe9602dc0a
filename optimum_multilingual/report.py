"""The report: what each language lost, with intervals and verdicts."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .errors import CheckpointError
from .languages import find_language
from .report_table import format_report

REPORT_FILE = "multilingual_report.json"
SCHEMA_VERSION = 1
DAMAGED, IMPROVED, UNRESOLVED, BROKEN = "damaged", "improved", "unresolved", "broken"


@dataclass(frozen=True)
class Estimate:
    """A measured value and its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ModelScore:
    """One model in one language.

    Args:
        nll: negative log-likelihood pooled over tokens, nats a token.
        perplexity: exp(nll). Comparable inside a language only.
        bits_per_byte: total negative log-likelihood in bits over the text's UTF-8 bytes.
    """

    nll: float
    perplexity: float
    bits_per_byte: float


@dataclass(frozen=True)
class Divergence:
    """KL(reference || quantized) over tokens, nats: the mean with its interval, quantiles, and the maximum."""

    mean: Estimate
    median: float
    p90: float
    p95: float
    p99: float
    p999: float
    max: float


@dataclass(frozen=True)
class LanguageScore:
    """What one language lost.

    Args:
        language: its tag, such as `swh_Latn`.
        documents, tokens, num_bytes: the text it was measured on.
        reference, quantized: both models' scores.
        nll_change: quantized minus reference, nats a token.
        bits_per_byte_change: quantized minus reference.
        relative_change: change of bits per byte over the reference's; 0.02 is two percent worse. It is the same for
            tokens, bytes and characters, and so can be compared between languages.
        kl: divergence from the reference.
        top1_agreement: share of tokens where both models' likeliest token is the same.
    """

    language: str
    documents: int
    tokens: int
    num_bytes: int
    reference: ModelScore
    quantized: ModelScore
    nll_change: Estimate
    bits_per_byte_change: Estimate
    relative_change: Estimate
    kl: Divergence
    top1_agreement: Estimate

    @property
    def name(self) -> str:
        """The English name of the language."""
        return find_language(self.language).name

    @property
    def verdict(self) -> str:
        """What the interval of the change says: damaged, improved, unresolved; broken where a score is not finite."""
        if not all(math.isfinite(x) for x in (self.reference.nll, self.quantized.nll, self.kl.mean.value)):
            return BROKEN
        if self.relative_change.low > 0:
            return DAMAGED
        return IMPROVED if self.relative_change.high < 0 else UNRESOLVED


@dataclass(frozen=True)
class Summary:
    """One measure over all languages: the mean in which each language counts once, the worst one, and the gap.

    A broken language is the worst, and then the numbers are NaN.

    Args:
        macro_mean: mean over languages.
        worst: the language with the largest value.
        worst_value: its value.
        gap: largest minus smallest value.
    """

    macro_mean: float
    worst: str
    worst_value: float
    gap: float


@dataclass(frozen=True)
class MultilingualReport:
    """What every language lost in a quantization.

        >>> report = model.multilingual_report
        >>> print(report)                          # a table, worst language first
        >>> report.summary("kl").worst             # 'hin_Deva'
        >>> report["sw"].verdict                   # 'damaged'

    Args:
        scores: of each language.
        setting: how the model was quantized, and the kernel, type and device it was measured with.
        evaluation: the text and the bootstrap behind the numbers.
        calibration: provenance of the calibration set; None where there was none.
    """

    scores: tuple[LanguageScore, ...]
    setting: dict[str, Any]
    evaluation: dict[str, Any]
    calibration: dict[str, Any] | None = None
    schema_version: int = field(default=SCHEMA_VERSION)

    def __getitem__(self, language: str) -> LanguageScore:
        tag = find_language(language).tag
        for score in self.scores:
            if score.language == tag:
                return score
        measured = ", ".join(score.language for score in self.scores)
        raise KeyError(f"{language!r} ({tag}) was not measured; the report has {measured}.")

    def __str__(self) -> str:
        return self.to_markdown()

    @property
    def worst_first(self) -> tuple[LanguageScore, ...]:
        """The scores by relative change, largest loss first; a broken language before all others."""
        return tuple(sorted(self.scores, key=lambda score: (score.verdict != BROKEN, -score.relative_change.value)))

    def summary(self, measure: str = "relative_change") -> Summary:
        """Macro mean, worst language and gap of one measure: "relative_change", "nll_change" or "kl"."""
        values = {score.language: _value_unless_broken(score, MEASURES[measure]) for score in self.scores}
        worst = max(values, key=lambda language: (math.isnan(values[language]), values[language]))
        return Summary(sum(values.values()) / len(values), worst, values[worst], values[worst] - min(values.values()))

    def to_markdown(self) -> str:
        """A Markdown table that is also readable as it is, worst language first, with a summary below."""
        return format_report(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with verdicts and summaries for readers; numbers that are not finite become None."""
        values = {
            "schema_version": self.schema_version,
            "setting": self.setting,
            "evaluation": self.evaluation,
            "calibration": self.calibration,
            "summary": {measure: asdict(self.summary(measure)) for measure in MEASURES},
            "languages": [{**asdict(score), "name": score.name, "verdict": score.verdict} for score in self.scores],
        }
        return _map_numbers(values, lambda number: number if math.isfinite(number) else None)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MultilingualReport:
        """Reads back what `to_dict` wrote.

        Raises:
            CheckpointError: the values are no report of this schema version.
        """
        if values.get("schema_version") != SCHEMA_VERSION:
            raise CheckpointError(
                f"A report of schema version {values.get('schema_version')!r} cannot be read; this version of "
                f"optimum-multilingual reads {SCHEMA_VERSION}."
            )
        scores = tuple(_score_from_dict(score) for score in values["languages"])
        return cls(scores, values["setting"], values["evaluation"], values["calibration"])

    def to_json(self) -> str:
        """`to_dict` as JSON that people can read."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"

    def save(self, path: str | Path) -> None:
        """Writes the report as JSON into a file, or as `multilingual_report.json` into an existing folder."""
        path = Path(path)
        (path / REPORT_FILE if path.is_dir() else path).write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> MultilingualReport:
        """Reads a report from a file, or from the folder of a checkpoint.

        Raises:
            CheckpointError: there is no report, or it is damaged.
        """
        path = Path(path)
        path = path / REPORT_FILE if path.is_dir() else path
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{path} holds no readable report ({type(error).__name__}: {error}).") from error


MEASURES: dict[str, Callable[[LanguageScore], float]] = {
    "relative_change": lambda score: score.relative_change.value,
    "nll_change": lambda score: score.nll_change.value,
    "kl": lambda score: score.kl.mean.value,
}


def _value_unless_broken(score: LanguageScore, measure: Callable[[LanguageScore], float]) -> float:
    """A measure of one language; NaN for a broken one, whose changes may look like a gain."""
    return math.nan if score.verdict == BROKEN else measure(score)


def _score_from_dict(values: Mapping[str, Any]) -> LanguageScore:
    values = _map_numbers(values, lambda number: number, none=math.nan)
    return LanguageScore(
        language=values["language"],
        documents=values["documents"],
        tokens=values["tokens"],
        num_bytes=values["num_bytes"],
        reference=ModelScore(**values["reference"]),
        quantized=ModelScore(**values["quantized"]),
        nll_change=Estimate(**values["nll_change"]),
        bits_per_byte_change=Estimate(**values["bits_per_byte_change"]),
        relative_change=Estimate(**values["relative_change"]),
        kl=Divergence(**{**values["kl"], "mean": Estimate(**values["kl"]["mean"])}),
        top1_agreement=Estimate(**values["top1_agreement"]),
    )


def _map_numbers(value: Any, change: Callable[[float], float | None], none: float | None = None) -> Any:
    if isinstance(value, Mapping):
        return {key: _map_numbers(item, change, none) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_map_numbers(item, change, none) for item in value]
    if value is None:
        return none
    return change(value) if isinstance(value, float) else value
