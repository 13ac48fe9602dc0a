"""How damage falls with the size of the calibration set, and where more of it buys next to nothing. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Powers of the size that are tried: from a curve that never ends falling to one that is flat after its first point.
EXPONENTS = np.geomspace(0.05, 4, 80)

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
        best = np.full(len(curves), np.inf)
        found = np.zeros((3, len(curves)))
        weights = 1 / curves**2
        for exponent in EXPONENTS:
            falling = (sizes / sizes[0]) ** -exponent
            floor, scale = _solve(falling, curves, weights)
            errors = (weights * (floor[:, None] + scale[:, None] * falling - curves) ** 2).sum(axis=1)
            better = errors < best
            best[better] = errors[better]
            found[:, better] = np.stack([floor, scale, np.full(len(curves), exponent)])[:, better]
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


def _solve(falling: np.ndarray, curves: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Floor and scale of every curve, neither negative: of weighted least squares in two unknowns, the best that is allowed."""
    ones, x, xx = weights.sum(1), weights @ falling, weights @ falling**2
    y, xy = (weights * curves).sum(1), (weights * curves) @ falling
    determinant = ones * xx - x**2
    floor, scale = (xx * y - x * xy) / determinant, (ones * xy - x * y) / determinant
    rising, endless = scale < 0, floor < 0
    floor, scale = np.where(rising, y / ones, floor), np.where(rising, 0.0, scale)
    return np.where(endless, 0.0, floor), np.where(endless, xy / xx, scale)
