"""Paired bootstrap over documents. Pure numpy."""

from __future__ import annotations

import numpy as np

# Resampling counts held at once, so that many documents do not need draws x documents numbers.
MAX_COUNTS = 2**22


def resample_sums(per_document: np.ndarray, draws: int, seed: int | list[int]) -> np.ndarray:
    """Sums over documents drawn with replacement, the same documents for every column.

        >>> resample_sums(np.ones((10, 2)), draws=3, seed=0)
        array([[10., 10.], [10., 10.], [10., 10.]])

    Args:
        per_document: sums of each document, shape [documents, measures]. Columns of reference and quantized model stay
            paired, because one draw of documents serves all of them.
        draws: number of resamples.
        seed: of a private generator.

    Returns:
        Shape [draws, measures].

    Source: B. Efron, "Bootstrap methods: another look at the jackknife" (1979).
    """
    generator = np.random.default_rng(seed)
    documents = len(per_document)
    shares = np.full(documents, 1 / documents)
    at_once = max(1, MAX_COUNTS // documents)
    parts = []
    for start in range(0, draws, at_once):
        counts = generator.multinomial(documents, shares, size=min(at_once, draws - start))
        parts.append(counts.astype(np.float64) @ per_document)
    return np.concatenate(parts)


def percentile_interval(samples: np.ndarray, confidence: float) -> tuple[float, float]:
    """The interval between the percentiles that leave (1 - confidence) / 2 on each side."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    return float(low), float(high)
