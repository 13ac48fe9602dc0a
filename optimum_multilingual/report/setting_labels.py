"""Names for settings that stand side by side: what tells each from the others, and what all have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .multilingual_report import MultilingualReport


def labels_of(reports: Sequence[MultilingualReport]) -> tuple[str, ...]:
    """A short label for each report, all of them different.

        >>> labels_of([three_bits, four_bits])
        ('bits 3', 'bits 4')

    The name of the compared checkpoint where there is one and it tells all apart; otherwise the settings that differ; where
    no setting does, the calibration set or the place in the list.
    """
    settings = [_setting(report) for report in reports]
    compared = [setting.get("compared") for setting in settings]
    if all(compared) and len(set(compared)) == len(reports):
        return tuple(map(str, compared))
    differing = [key for key in _keys(settings) if len({str(setting.get(key)) for setting in settings}) > 1]
    telling = [key for key in differing if key != "calibration"]
    labels = [_written(setting, telling) for setting in settings]
    if len(set(labels)) < len(labels) and "calibration" in differing:
        labels = [_written(setting, differing) for setting in settings]
    often = Counter(labels)
    return tuple(
        label if label and often[label] == 1 else f"{label} report {number}".strip()
        for number, label in enumerate(labels, 1)
    )


def common_setting(reports: Sequence[MultilingualReport]) -> str:
    """What all reports have in common, and what their intervals are, in one line."""
    settings = [report.setting for report in reports]
    same = [key for key in _keys(settings) if len({str(setting.get(key)) for setting in settings}) == 1]
    return f"{_written(settings[0], same)}; {100 * reports[0].evaluation['confidence']:g}% intervals"


def _setting(report: MultilingualReport) -> dict[str, Any]:
    fingerprint = (report.calibration or {}).get("fingerprint")
    return {**report.setting, "calibration": "none" if fingerprint is None else fingerprint[:8]}


def _keys(settings: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for setting in settings for key in setting))


def _written(setting: dict[str, Any], keys: Sequence[str]) -> str:
    return ", ".join(f"{key} {setting[key]}" for key in keys if setting.get(key) is not None)
