"""How damage falls with the size of the calibration set, and where more of it buys next to nothing. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Powers of the size: from a curve that never ends falling to one that is flat after its first point. All are tried first, then
# finer and finer steps around the best.
EXPONENTS = np.geomspace(0.05, 4, 33)
REFINEMENTS, STEPS = 4, np.arange(-3, 4)

# A power law with a floor has three numbers, and one more point is needed to see whether it fits.
LEAST_SIZES = 4


@dataclass(frozen=True)
class PowerLaws:
    """KL(n) = floor + scale * (n / first size) ** -exponent, for many curves at once.

        KL  |*
            | *
            |   *   .  .  .   *        <- doubling gains less than the tolerance
            |------------------------- floor
              n   2n   4n   8n   16n

    Args:
        first: the smallest size.
        floor, scale, exponent: shape [curves]; floor and scale are not negative.
    """

    first: float
    floor: np.ndarray
    scale: np.ndarray
    exponent: np.ndarray

    @classmethod
    def fit(cls, sizes: np.ndarray, curves: np.ndarray) -> PowerLaws:
        """Least squares of relative errors, by variable projection: for each exponent the other two are linear.

            >>> PowerLaws.fit(np.array([1, 2, 4, 8]), np.array([[2.0, 1.5, 1.25, 1.125]])).floor
            array([1.])

        Args:
            sizes: rising, shape [sizes], at least four.
            curves: positive and finite, shape [curves, sizes].

        Source: the power law with a floor as the shape of learning curves (T. Viering and M. Loog, "The Shape of Learning
        Curves: a Review", 2023); variable projection after G. Golub and V. Pereyra (1973).
        """
        assert len(sizes) >= LEAST_SIZES, "too few sizes for three numbers"
        relative = sizes / sizes[0]
        best, found = np.full(len(curves), np.inf), np.zeros((3, len(curves)))

        def improve(exponents: np.ndarray) -> None:
            falling = relative ** -exponents[:, None]
            floor, scale = _solve(falling, curves)
            errors = ((floor[:, None] + scale[:, None] * falling) / curves - 1) ** 2
            better = errors.sum(axis=1) < best
            best[better] = errors.sum(axis=1)[better]
            found[:, better] = np.stack([floor, scale, exponents])[:, better]

        for exponent in EXPONENTS:
            improve(np.full(len(curves), exponent))
        step = EXPONENTS[1] / EXPONENTS[0]
        for _ in range(REFINEMENTS):
            step **= 1 / STEPS[-1]
            middle = found[2].copy()
            for times in STEPS:
                improve(np.clip(middle * step**times, EXPONENTS[0], EXPONENTS[-1]))
        return cls(float(sizes[0]), *found)

    def at(self, sizes: np.ndarray) -> np.ndarray:
        """KL at some sizes, shape [curves, sizes]."""
        falling = (np.asarray(sizes) / self.first) ** -self.exponent[:, None]
        return self.floor[:, None] + self.scale[:, None] * falling

    def flat_from(self, tolerance: float) -> np.ndarray:
        """The size from which one more doubling lowers KL by less than a part `tolerance` of it, shape [curves].

        The first size where that is so from the beginning, infinite where it is never so.
        """
        # KL(2n) / KL(n) = 1 - tolerance, solved for the falling part over the floor.
        halved = 1 - 2.0**-self.exponent
        room = halved - tolerance
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(room > 0, tolerance / room, np.inf)
            size = self.first * (self.scale / (self.floor * share)) ** (1 / self.exponent)
        falls = (room > 0) & (self.scale > 0)
        return np.where(falls, np.maximum(size, self.first), self.first)


def _solve(falling: np.ndarray, curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Floor and scale of every curve by least squares of relative errors; one that would be negative is zero."""
    weights = 1 / curves**2
    ones, x, xx = weights.sum(1), (weights * falling).sum(1), (weights * falling**2).sum(1)
    y, xy = (weights * curves).sum(1), (weights * curves * falling).sum(1)
    determinant = ones * xx - x**2
    floor, scale = (xx * y - x * xy) / determinant, (ones * xy - x * y) / determinant
    rising, endless = scale < 0, floor < 0
    floor, scale = np.where(rising, y / ones, floor), np.where(rising, 0.0, scale)
    return np.where(endless, 0.0, floor), np.where(endless, xy / xx, scale)
