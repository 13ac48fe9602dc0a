"""Reports as flat rows, one for each language: for CSV, parquet, and whatever computes on with the numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from ..flores import flores_tiers
from ..languages import Language
from .expert_loads import unreached_experts
from .plain_values import to_plain
from .scores import Estimate, LanguageScore

if TYPE_CHECKING:
    import pyarrow

    from .multilingual_report import MultilingualReport

# What every row says of its language beside the fields of its score.
LANGUAGE_COLUMNS: dict[str, type] = {"name": str, "script": str, "tier": str, "verdict": str}

# The settings that have a column of their own; `setting` holds all of them as JSON, whatever the method calls them.
SETTING_COLUMNS: dict[str, type] = {
    "model": str,
    "revision": str,
    "compared": str,
    "method": str,
    "bits": float,
    "group_size": int,
    "kernel": str,
    "dtype": str,
    "device": str,
}
EVALUATION_COLUMNS: dict[str, type] = {
    "confidence": float,
    "bootstrap_draws": int,
    "seed": int,
    "sequence_length": int,
    "stride": int,
    "noise_floor": float,
}


def columns() -> dict[str, type]:
    """Every column and the type of its values, the same for every report.

        >>> list(columns())[:3], columns()["kl_p99"]
        (['language', 'name', 'script'], <class 'float'>)

    Fields of `LanguageScore` inside others are joined by underscores. An interval takes three columns: `kl_mean`,
    `kl_mean_low`, `kl_mean_high`. A column that has been released is never renamed or dropped.
    """
    of_scores = dict(_columns(LanguageScore, ""))
    return {
        "language": of_scores.pop("language"),
        **LANGUAGE_COLUMNS,
        **of_scores,
        **{f"setting_{name}": kind for name, kind in SETTING_COLUMNS.items()},
        "setting": str,
        **{f"evaluation_{name}": kind for name, kind in EVALUATION_COLUMNS.items()},
        "evaluation_corpus": str,
        "calibration_fingerprint": str,
        "schema_version": int,
        "experts_unreached": int,
        "beyond_calibration": float,
        "beyond_calibration_by_chance": float,
    }


def flat_rows(report: MultilingualReport) -> list[dict[str, Any]]:
    """One row for each language in the report's order; what is not finite, not known or not given is None.

    >>> flat_rows(report)[0]["kl_p99"]
    0.41
    """
    setting, evaluation = report.setting, report.evaluation
    of_report = {
        **{f"setting_{name}": _typed(setting.get(name), kind) for name, kind in SETTING_COLUMNS.items()},
        "setting": json.dumps(to_plain(setting), ensure_ascii=False),
        **{f"evaluation_{name}": _typed(evaluation.get(name), kind) for name, kind in EVALUATION_COLUMNS.items()},
        "evaluation_corpus": json.dumps(to_plain(evaluation["corpus"]), ensure_ascii=False),
        "calibration_fingerprint": (report.calibration or {}).get("fingerprint"),
        "schema_version": report.schema_version,
    }
    tiers, unreached = flores_tiers(), unreached_experts(report.experts)
    coverage = {each.language: (each.share, each.by_chance) for each in report.coverage}
    return [
        {
            **dict(_values(score, "")),
            "name": score.name,
            "script": Language.from_tag(score.language).script,
            "tier": tiers.get(score.language),
            "verdict": score.verdict,
            **of_report,
            "experts_unreached": unreached.get(score.language),
            "beyond_calibration": coverage.get(score.language, (None, None))[0],
            "beyond_calibration_by_chance": coverage.get(score.language, (None, None))[1],
        }
        for score in report.scores
    ]


def arrow_table(reports: Sequence[MultilingualReport]) -> pyarrow.Table:
    """The rows of one or more reports as an Arrow table, with the same schema whatever is in them.

    >>> arrow_table([report]).column("relative_change").to_pylist()
    [0.012, 0.034]
    """
    import pyarrow

    types = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}
    schema = pyarrow.schema([(name, types[kind]) for name, kind in columns().items()])
    return pyarrow.Table.from_pylist([row for report in reports for row in flat_rows(report)], schema=schema)


def _columns(kind: Any, prefix: str) -> Iterator[tuple[str, type]]:
    hints = get_type_hints(kind)
    for item in fields(kind):
        name, inner = prefix + item.name, hints[item.name]
        if inner is Estimate:
            yield from ((name, float), (f"{name}_low", float), (f"{name}_high", float))
        elif is_dataclass(inner):
            yield from _columns(inner, f"{name}_")
        else:
            # Lists of documents become their number; the JSON has their ids.
            yield name, inner if inner in (str, int, float, bool) else int


def _values(score: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for item in fields(score):
        name, value = prefix + item.name, getattr(score, item.name)
        if isinstance(value, Estimate):
            yield from ((name, to_plain(value.value)), (f"{name}_low", to_plain(value.low)))
            yield f"{name}_high", to_plain(value.high)
        elif is_dataclass(value):
            yield from _values(value, f"{name}_")
        else:
            yield name, len(value) if isinstance(value, tuple) else to_plain(value)


def _typed(value: Any, kind: type) -> Any:
    """A setting in the type of its column; one of another kind, such as bits named "mixed", is in `setting` only."""
    if value is None or kind is str:
        return None if value is None else str(value)
    return kind(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
