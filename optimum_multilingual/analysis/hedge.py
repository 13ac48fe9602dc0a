"""Multiplicative weights: shares that follow the damage they are meant to lower. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence

# No language falls below this part of its uniform share, so that every one stays in the set.
LEAST_OF_UNIFORM = 0.25


def reweight(shares: Sequence[float], damages: Sequence[float], rate: float) -> list[float]:
    """One step of Hedge: a share grows by exp(rate * (damage / mean damage - 1)), then all are scaled to sum to one.

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
    grown = [share * math.exp(rate * (damage / mean - 1)) for share, damage in zip(shares, damages, strict=True)]
    least = LEAST_OF_UNIFORM / len(shares)
    total = sum(grown)
    floored = [max(share / total, least) for share in grown]
    return [share / sum(floored) for share in floored]


def has_stalled(worst_of_steps: Sequence[float], patience: int, least_gain: float) -> bool:
    """Whether the last `patience` steps lowered the worst damage by less than a part `least_gain` of the best before them.

    >>> has_stalled([1.0, 0.9, 0.899, 0.9], patience=2, least_gain=0.01)
    True
    """
    if len(worst_of_steps) <= patience:
        return False
    before, since = min(worst_of_steps[:-patience]), min(worst_of_steps[-patience:])
    return since > before * (1 - least_gain)
