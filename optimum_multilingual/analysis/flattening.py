"""Where a curve of KL over tokens flattens, with an interval, or that this cannot be told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..evaluation.bootstrap import percentile_interval
from ..report.scores import Estimate
from .learning_curve import PowerLaws

# The name of the mean over languages among the curves.
MEAN = "mean"

FLAT, FALLING, RISES, UNRESOLVED, BROKEN = "flat", "still falling", "rises", "unresolved", "broken"


@dataclass(frozen=True)
class Flattening:
    """Where one curve flattens.

    Args:
        language: its tag, or "mean".
        tokens: of each language, from which one more doubling gains less than the tolerance; within the sizes measured. No number
            where KL rises or is broken.
        verdict: "flat" where the whole interval lies at or below half the largest size, so that the doubling was measured; "still
            falling" where it lies above and the last step was seen to gain; else "unresolved". "rises" where KL is higher at the
            largest size than at the smallest, beyond noise. "broken" where a KL is no number.
        floor: KL that no amount of tokens lowers, by the power law.
        exponent: how fast the rest falls.
    """

    language: str
    tokens: Estimate
    verdict: str
    floor: float
    exponent: float


def find_flattening(
    language: str,
    tokens: np.ndarray,
    values: np.ndarray,
    draws: np.ndarray,
    tolerance: float,
    confidence: float,
    row: int,
) -> Flattening:
    """Fits a power law with a floor to a curve and to each of its draws, and solves each for the doubling that gains too little.

    Args:
        language: its tag, or "mean".
        tokens: of each language, rising, shape [sizes].
        values: KL, shape [sizes].
        draws: of KL, shape [draws, sizes].
        tolerance: part of KL that a doubling must gain.
        confidence: of the interval.
        row: tokens of a row, of which there are whole ones only.
    """
    if not np.isfinite(values).all():
        return _without_size(language, BROKEN)
    # A curve that rises fits no power law that falls: to it every doubling gains too little.
    if percentile_interval(draws[:, -1] - draws[:, 0], confidence)[0] > 0:
        return _without_size(language, RISES)
    # What is drawn between seeds may take a tiny KL below zero; no KL is.
    curves = np.maximum(np.concatenate([values[None], draws]), values / 1000)
    laws = PowerLaws.fit(tokens, curves)
    sizes = np.minimum(laws.flat_from(tolerance), tokens[-1])
    low, high = percentile_interval(sizes[1:], confidence)
    # A doubling was measured up to half the largest size.
    last_step = percentile_interval(draws[:, -1] / draws[:, -2] - 1, confidence)
    falls = low > tokens[-1] / 2 and last_step[1] < 0
    verdict = FLAT if high <= tokens[-1] / 2 else FALLING if falls else UNRESOLVED
    whole = [-(-size // row) * row for size in (float(sizes[0]), low, high)]
    return Flattening(language, Estimate(*whole), verdict, float(laws.floor[0]), float(laws.exponent[0]))


def _without_size(language: str, verdict: str) -> Flattening:
    return Flattening(language, Estimate(np.nan, np.nan, np.nan), verdict, np.nan, np.nan)
