"""The report: what each language lost, with intervals and verdicts."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError
from ..languages import find_language
from .coverage import Coverage
from .draws import Draw
from .expert_loads import ExpertLoad
from .plain_values import from_plain, to_plain
from .schema import SCHEMA_VERSION, upgraded
from .scores import BROKEN, GroupScore, LanguageScore
from .table import format_report
from .task_scores import TaskScore

if TYPE_CHECKING:
    import pyarrow
    from matplotlib.figure import Figure

REPORT_FILE = "multilingual_report.json"
ENGLISH = "eng_Latn"


@dataclass(frozen=True)
class Summary:
    """One measure over all languages: the mean in which each language counts once, the worst one, and the gap.

    A broken language is the worst, and then the numbers are NaN.

    Args:
        macro_mean: mean over languages.
        worst: the language with the largest value.
        worst_value: its value.
        gap: largest minus smallest value.
        to_english: the mean over the other languages divided by the value of English; NaN where English was not measured.
    """

    macro_mean: float
    worst: str
    worst_value: float
    gap: float
    to_english: float


@dataclass(frozen=True)
class MultilingualReport:
    """What every language lost in a quantization.

        >>> report = model.multilingual_report
        >>> print(report)                          # a table, worst language first
        >>> report.summary("kl").worst             # 'hin_Deva'
        >>> report["sw"].verdict                   # 'damaged'

    Args:
        scores: of each language.
        groups: means over all languages, those of one script and those of one resource tier.
        setting: how the model was quantized, and the kernel, type and device it was measured with.
        evaluation: the text and the bootstrap behind the numbers.
        calibration: provenance of the calibration set; None where there was none.
        tasks: of each downstream task that was run.
        draws: what other draws of the calibration set did, the published model's first; empty where nothing was repeated.
        experts: tokens of each language at the experts of each layer of the model before; empty for a dense model.
        coverage: how far each language goes beyond the activations of the calibration rows; empty where all were calibrated on.
    """

    scores: tuple[LanguageScore, ...]
    groups: tuple[GroupScore, ...]
    setting: dict[str, Any]
    evaluation: dict[str, Any]
    calibration: dict[str, Any] | None = None
    tasks: tuple[TaskScore, ...] = ()
    draws: tuple[Draw, ...] = ()
    experts: tuple[ExpertLoad, ...] = ()
    coverage: tuple[Coverage, ...] = ()
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
        macro_mean, gap = sum(values.values()) / len(values), values[worst] - min(values.values())
        return Summary(macro_mean, worst, values[worst], gap, _to_english(values))

    def to_markdown(self) -> str:
        """A Markdown table that is also readable as it is, worst language first, with a summary below."""
        return format_report(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with verdicts and summaries for readers; numbers that are not finite become None."""
        return {
            "schema_version": self.schema_version,
            "setting": self.setting,
            "evaluation": to_plain(self.evaluation),
            "calibration": self.calibration,
            "summary": {measure: to_plain(self.summary(measure)) for measure in MEASURES},
            "groups": to_plain(self.groups),
            "languages": [{**to_plain(score), "name": score.name, "verdict": score.verdict} for score in self.scores],
            "tasks": [{**to_plain(score), "flips": score.flips, "verdict": score.verdict} for score in self.tasks],
            "draws": to_plain(self.draws),
            "experts": [{**to_plain(load), "unreached": list(load.unreached)} for load in self.experts],
            "coverage": [{**to_plain(each), "share": each.share, "excess": each.excess} for each in self.coverage],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MultilingualReport:
        """Reads back what `to_dict` wrote, in this version or any before.

        Raises:
            CheckpointError: a newer version wrote it.
            KeyError, TypeError: the values are no report.
        """
        values = upgraded(values)
        scores = from_plain(tuple[LanguageScore, ...], values["languages"])
        groups = from_plain(tuple[GroupScore, ...], values["groups"])
        tasks = from_plain(tuple[TaskScore, ...], values.get("tasks", []))
        draws = from_plain(tuple[Draw, ...], values.get("draws", []))
        experts = from_plain(tuple[ExpertLoad, ...], values.get("experts", []))
        coverage = from_plain(tuple[Coverage, ...], values.get("coverage", []))
        setting, evaluation, calibration = values["setting"], values["evaluation"], values["calibration"]
        return cls(scores, groups, setting, evaluation, calibration, tasks, draws, experts, coverage)

    def to_json(self) -> str:
        """`to_dict` as JSON that people can read."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"

    def to_arrow(self) -> pyarrow.Table:
        """One flat row for each language, with the same columns for every report; `docs/measures.md` names them.

        >>> pyarrow.concat_tables([three_bits.to_arrow(), four_bits.to_arrow()]).to_pandas()
        """
        from .rows import arrow_table

        return arrow_table([self])

    def to_html(self) -> str:
        """A page that needs nothing beside itself: a table that sorts, and the plots if matplotlib is installed."""
        from .page import report_page

        return report_page(self)

    def plot(self, name: str = "damage") -> Figure:
        """A plot as a matplotlib figure, which notebooks show.

            >>> report.plot("divergence")

        Args:
            name: "damage" (change with intervals), "models" (reference against quantized), "divergence" (quantiles of KL)
                or "heat-map".

        Raises:
            ConfigError: no plot is called so.
            MissingPackageError: matplotlib is not installed.
        """
        from .output_files import draw

        return draw(self, name)

    def save(self, path: str | Path, plot: str = "damage") -> None:
        """Writes the report into a file as its path ends, or as `multilingual_report.json` into an existing folder.

            >>> report.save("report.html")
            >>> report.save("divergence.svg", plot="divergence")

        Args:
            path: a folder, or a file that ends in .json, .md, .csv, .parquet, .html, .png or .svg.
            plot: what a .png or .svg shows, as in `plot`.

        Raises:
            ConfigError: another ending, or no plot of that name.
            MissingPackageError: a picture was asked for and matplotlib is not installed.
        """
        from .output_files import save_report

        path = Path(path)
        save_report(self, path / REPORT_FILE if path.is_dir() else path, plot)

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


def _to_english(values: Mapping[str, float]) -> float:
    others = [value for language, value in values.items() if language != ENGLISH]
    if not others or not values.get(ENGLISH):
        return math.nan
    return sum(others) / len(others) / values[ENGLISH]
