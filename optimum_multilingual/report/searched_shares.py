"""What became of a search for shares, in words, from what a manifest says of its mixture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..languages import Language


def search_lines(calibration: Mapping[str, Any] | None) -> list[str]:
    """What stands below a report's table where shares were searched; nothing elsewhere.

    Args:
        calibration: provenance of the calibration set; None where there was none.
    """
    found = describe_search((calibration or {}).get("mixture", {}))
    if calibration is None or found is None:
        return []
    rows = ", ".join(f"{Language.from_tag(tag).name} {count}" for tag, count in calibration["rows"].items())
    return [f"shares: {found}; rows: {rows}"]


def describe_search(mixture: Mapping[str, Any]) -> str | None:
    """One phrase on a search; None for shares that were given.

    >>> describe_search({"kind": "minimax", "steps": 7, "improved": False})
    'minimax, uniform in the end: none of 7 mixtures tried was better for the worst language beyond noise'
    """
    if mixture.get("kind") != "minimax":
        return None
    steps = mixture["steps"]
    if steps == 1:
        return "minimax, uniform in the end: no other mixture was tried"
    if mixture.get("best_is_uniform"):  # older manifests do not say it
        return f"minimax, uniform in the end: none of {steps} mixtures tried was better on the text of the search"
    if not mixture["improved"]:
        return f"minimax, uniform in the end: none of {steps} mixtures tried was better for the worst language beyond noise"
    worst, mean = (_percent(mixture[name]) for name in ("worst_change", "mean_change"))
    return f"minimax, the best of {steps} mixtures tried: KL of the worst language {worst}, mean {mean} against uniform shares"


def _percent(change: Mapping[str, float]) -> str:
    return f"{change['value']:+.1%} ({change['low']:+.1%} .. {change['high']:+.1%})"
