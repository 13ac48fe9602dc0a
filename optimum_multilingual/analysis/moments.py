"""Moments of many channels, summed batch by batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

# Values worked on at a time: on a CPU a piece stays in the cache, on an accelerator it bounds the memory.
PIECE_ON_CPU, PIECE_ON_ACCELERATOR = 2**17, 2**24


@dataclass(frozen=True)
class Moments:
    """What is kept of the values of each channel: their number, range, mean, and sums of powers of the distance from it.

        whole = measure_moments(first_batch, low, high) + measure_moments(second_batch, low, high)

    Args:
        count: tokens.
        minimum, maximum: shape [channels], float32.
        mean: shape [channels], float64.
        m2, m3, m4: sums over tokens of (value - mean) ** 2, 3 and 4, shape [channels], float64.
        outliers: tokens whose value is below `low` or above `high`, shape [channels], int64.

    Source: P. Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical moments"
    (SAND2008-6212), of which the second moment is that of T. Chan, G. Golub and R. LeVeque (1979).
    """

    count: int
    minimum: np.ndarray
    maximum: np.ndarray
    mean: np.ndarray
    m2: np.ndarray
    m3: np.ndarray
    m4: np.ndarray
    outliers: np.ndarray

    def __add__(self, other: Moments) -> Moments:
        a, b = self.count, other.count
        n, delta = a + b, other.mean - self.mean
        step = delta / n
        m2 = self.m2 + other.m2 + delta * step * a * b
        m3 = self.m3 + other.m3 + delta * step**2 * a * b * (a - b) + 3 * step * (a * other.m2 - b * self.m2)
        m4 = (
            self.m4
            + other.m4
            + delta * step**3 * a * b * (a * a - a * b + b * b)
            + 6 * step**2 * (a * a * other.m2 + b * b * self.m2)
            + 4 * step * (a * other.m3 - b * self.m3)
        )
        minimum, maximum = np.minimum(self.minimum, other.minimum), np.maximum(self.maximum, other.maximum)
        return Moments(n, minimum, maximum, self.mean + step * b, m2, m3, m4, self.outliers + other.outliers)


def measure_moments(values: torch.Tensor, low: float, high: float) -> Moments:
    """The moments of one batch, computed in float32 piece by piece.

    Args:
        values: shape [tokens, channels], float32.
        low, high: beyond these a value is an outlier.
    """
    size = PIECE_ON_CPU if values.device.type == "cpu" else PIECE_ON_ACCELERATOR
    pieces = values.split(max(1, size // values.shape[1]))
    mean, middle, reach = values.mean(0), (low + high) / 2, (high - low) / 2
    sums = torch.zeros(4, values.shape[1], device=values.device)
    distance, power = torch.empty_like(pieces[0]), torch.empty_like(pieces[0])
    for piece in pieces:
        # Written into the same two tensors, since new ones for each step cost more than the arithmetic.
        first, second = distance[: len(piece)], power[: len(piece)]
        torch.sub(piece, mean, out=first)
        torch.mul(first, first, out=second)
        sums[0] += second.sum(0)
        sums[1] += first.mul_(second).sum(0)
        sums[2] += second.mul_(second).sum(0)
        sums[3] += torch.sub(piece, middle, out=first).abs_().gt_(reach).sum(0)
    minimum, maximum = values.amin(0), values.amax(0)
    whole = sums.cpu().double().numpy()
    return Moments(
        len(values),
        minimum.cpu().numpy(),
        maximum.cpu().numpy(),
        mean.cpu().double().numpy(),
        whole[0],
        whole[1],
        whole[2],
        whole[3].astype(np.int64),
    )


@dataclass(frozen=True)
class ChannelStatistics:
    """What the channels of one layer input are like in one text.

    Args:
        tokens: how many were seen.
        minimum, maximum: shape [channels], float32.
        mean, deviation: mean and standard deviation over tokens (of the text itself, with ddof 0), shape [channels], float32.
        kurtosis: the fourth central moment over the squared variance, less 3, so that a normal distribution has 0; NaN for a
            channel that never changes. Shape [channels], float32.
        outlier_share: share of tokens whose value lies below the 1 % or above the 99 % quantile of all values of the layer input
            in calibration text; shape [channels], float32.
    """

    tokens: int
    minimum: np.ndarray
    maximum: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    kurtosis: np.ndarray
    outlier_share: np.ndarray

    @classmethod
    def of(cls, moments: Moments) -> ChannelStatistics:
        """The statistics that the moments stand for."""
        n = moments.count
        with np.errstate(invalid="ignore", divide="ignore"):
            kurtosis = n * moments.m4 / moments.m2**2 - 3
        # Rounding leaves the moments of a channel that never changes a little beside zero.
        kurtosis = np.where(moments.minimum == moments.maximum, np.nan, kurtosis)
        deviation = np.sqrt(moments.m2 / n)
        values = (moments.mean, deviation, kurtosis, moments.outliers / n)
        return cls(n, moments.minimum, moments.maximum, *(each.astype(np.float32) for each in values))

    @property
    def absolute_maximum(self) -> np.ndarray:
        """The largest distance from zero, shape [channels]."""
        return np.maximum(np.abs(self.minimum), np.abs(self.maximum))

    @property
    def norm(self) -> np.ndarray:
        """Root mean square over tokens, shape [channels]: the norm of the activations, whatever the number of tokens."""
        return np.hypot(self.mean, self.deviation)

    @property
    def ranges(self) -> np.ndarray:
        """Smallest and largest value, shape [2, channels]."""
        return np.stack([self.minimum, self.maximum])
