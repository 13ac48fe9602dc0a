"""Channels in which a language goes beyond the activations of the calibration rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ..languages import Language

# A language that is not calibrated on is warned about from this many times what those that are show. In `benchmarks/coverage.py`
# a language that is calibrated on shows 0.9 to 1.0 times what chance says, others 1.1 to 2.6 times.
WARNED_FROM = 1.5

# Where half of the channels exceed by chance alone, no language can show twice that.
HIDDEN_FROM = 0.5


@dataclass(frozen=True)
class Coverage:
    """How much of one language lies beyond the range of the calibration rows, in the model before quantization.

        Coverage("hau_Latn", calibrated=False, channels=4352, exceeding=305, by_chance=0.021)      7.0% of channels

    Args:
        language: its tag.
        calibrated: whether rows of it are in the calibration set.
        channels: of all inputs of linear layers.
        exceeding: those in which the language has a smaller or a larger value than all calibration rows.
        by_chance: the share of channels that would exceed if its text were like the calibration rows; more text exceeds more.
    """

    language: str
    calibrated: bool
    channels: int
    exceeding: int
    by_chance: float

    @property
    def share(self) -> float:
        """Of the channels, those that exceed."""
        return self.exceeding / self.channels

    @property
    def excess(self) -> float:
        """The share over that by chance: above 1 the text is beyond the rows for more than its amount."""
        return self.share / self.by_chance


def usual_excess(coverage: Sequence[Coverage]) -> float:
    """The median excess of the languages calibrated on; 1 where none was measured."""
    return median([each.excess for each in coverage if each.calibrated] or [1.0])


def uncovered(coverage: Sequence[Coverage]) -> list[Coverage]:
    """The languages that are not calibrated on and show it, the largest excess first."""
    least = WARNED_FROM * usual_excess(coverage)
    found = [each for each in coverage if not each.calibrated and each.excess > least]
    return sorted(found, key=lambda each: -each.excess)


def coverage_warnings(coverage: Sequence[Coverage]) -> list[str]:
    """What to tell the user of each language that the calibration rows do not cover.

    >>> coverage_warnings(report.coverage)
    ['Hausa exceeds the calibration range in 7.0% of channels, 3.3 times what its amount of text explains (...); add ...']
    """
    usual = f"languages calibrated on: {usual_excess(coverage):.1f} times"
    compared = usual if any(each.calibrated for each in coverage) else "no language calibrated on was measured"
    return [
        f"{Language.from_tag(each.language).name} exceeds the calibration range in {each.share:.1%} of channels, "
        f"{each.excess:.1f} times what its amount of text explains ({compared}); add it or a relative to the calibration"
        for each in uncovered(coverage)
    ]


def hidden_by_chance(coverage: Sequence[Coverage]) -> bool:
    """Whether the calibration rows are too few, beside the text that is held against them, to tell languages apart."""
    return any(each.by_chance >= HIDDEN_FROM for each in coverage)


def rows_are_few(coverage: Sequence[Coverage]) -> str:
    """What to tell the user where chance hides what languages do."""
    most = max(each.by_chance for each in coverage)
    return (
        f"calibration rows are few, and by chance alone text exceeds their range in {most:.0%} of channels; take more rows to "
        "see which languages do"
    )


def coverage_lines(coverage: Sequence[Coverage]) -> list[str]:
    """What stands below the table: a warning for each language that is not covered, or that it cannot be told."""
    warnings = [f"warning: {warning}" for warning in coverage_warnings(coverage)]
    if hidden_by_chance(coverage):
        return [*warnings, f"activations: {rows_are_few(coverage)}"]
    if coverage and not warnings:
        return ["activations: no language exceeds the calibration range more than those calibrated on do"]
    return warnings
