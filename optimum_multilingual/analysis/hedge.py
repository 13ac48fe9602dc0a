"""Multiplicative weights: shares that follow the damage they are meant to lower. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence

# No language falls below this part of its uniform share, so that every one stays in the set.
LEAST_OF_UNIFORM = 0.25


def reweight(shares: Sequence[float], damages: Sequence[float], rate: float) -> list[float]:
    """One step of Hedge: a share grows by exp(rate * (damage / mean damage - 1)), then all are scaled to sum to one.

    What would fall below the floor is lifted to it, and the others pay in proportion to their shares.

        >>> reweight([0.5, 0.5], [3.0, 1.0], rate=0.5)
        [0.622..., 0.377...]

    Args:
        shares: of each language, summing to one.
        damages: of each language with these shares, positive and finite.
        rate: how fast shares follow damage.

    Source: Y. Freund and R. Schapire, "A decision-theoretic generalization of on-line learning" (1997); groups reweighted by
    their loss as in S. Sagawa et al., "Distributionally robust neural networks" (2020).
    """
    mean = sum(damages) / len(damages)
    # Relative to the largest damage, so that no power is beyond all numbers; scaling takes the difference out again.
    most = max(damages)
    grown = [share * math.exp(rate * (damage - most) / mean) for share, damage in zip(shares, damages, strict=True)]
    return _lifted(grown, LEAST_OF_UNIFORM / len(shares))


def _lifted(sizes: Sequence[float], least: float) -> list[float]:
    """Sizes scaled to sum to one with none below `least`, those above keeping their proportions."""
    above = set(range(len(sizes)))
    while True:
        scale = (1 - least * (len(sizes) - len(above))) / sum(sizes[place] for place in above)
        below = {place for place in above if sizes[place] * scale < least}
        if not below:
            return [size * scale if place in above else least for place, size in enumerate(sizes)]
        above -= below


def has_stalled(worst_of_steps: Sequence[float], patience: int, least_gain: float) -> bool:
    """Whether the last `patience` steps lowered the worst damage by less than a part `least_gain` of the best before them.

    >>> has_stalled([1.0, 0.9, 0.899, 0.9], patience=2, least_gain=0.01)
    True
    """
    if len(worst_of_steps) <= patience:
        return False
    before, since = min(worst_of_steps[:-patience]), min(worst_of_steps[-patience:])
    return since > before * (1 - least_gain)
