"""Whether a change over documents is more than chance: errors of ratios, p-values, correction for many languages. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .scores import LanguageScore


def ratio_error(numerators: np.ndarray, denominators: np.ndarray) -> float:
    """The standard error of sum(numerators) / sum(denominators) over documents.

        var(N/D) = (var(N) + r^2 var(D) - 2 r cov(N, D)) / D^2,   r = N / D

    Args:
        numerators: of each document, shape [documents].
        denominators: of each document, same shape.

    Source: the covariance form of llama.cpp's perplexity ratio, for sums over documents (W. Cochran, Sampling Techniques).
    """
    documents = len(numerators)
    if documents < 2:
        return math.nan
    ratio = numerators.sum() / denominators.sum()
    residuals = numerators - ratio * denominators
    return float(np.sqrt(documents / (documents - 1) * np.square(residuals).sum()) / denominators.sum())


def p_value(value: float, error: float, documents: int) -> float:
    """The two-sided p-value of "the value is zero", by Student's t with one degree of freedom less than documents.

    Source: Student, "The probable error of a mean" (1908).
    """
    if not (math.isfinite(value) and math.isfinite(error)):
        return 1.0
    if error == 0:
        return 0.0 if value else 1.0
    from scipy.special import stdtr

    return float(2 * stdtr(documents - 1, -abs(value) / error))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: each at most alpha at most with probability alpha that any of those without effect is.

        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]

    Source: S. Holm, "A simple sequentially rejective multiple test procedure" (1979).
    """
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    stepped = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * factors))
    adjusted = np.empty(len(p_values))
    adjusted[order] = stepped
    return adjusted.tolist()


def correct_for_many(
    scores: Sequence[LanguageScore], confidence: float, noise_floor: float | None
) -> list[LanguageScore]:
    """Corrects the significance of every language for their number, and holds it against the noise floor."""
    adjusted = holm([score.significance.p_value for score in scores])
    corrected = []
    for score, p in zip(scores, adjusted, strict=True):
        resolved = p < 1 - confidence and abs(score.relative_change.value) > (noise_floor or 0)
        significance = replace(score.significance, p_adjusted=p, resolved=resolved)
        corrected.append(replace(score, significance=significance))
    return corrected
