"""Shares of languages turned into whole rows, and rows into a balanced order. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..errors import ConfigError


def temper(sizes: Sequence[float], temperature: float) -> list[float]:
    """Flattens sizes into weights: size ** (1 / temperature).

        >>> temper([100, 1], temperature=2)
        [10.0, 1.0]

    Raises:
        ConfigError: a temperature so low that the weights are beyond all numbers.

    Source: temperature sampling as in mT5 (Xue et al. 2021) and XLM-R (Conneau et al. 2020, alpha = 1 / temperature).
    """
    try:
        return [size ** (1 / temperature) for size in sizes]
    except OverflowError as error:
        raise ConfigError(
            f"temperature={temperature} makes the largest share too large to compute; give 1 for proportional shares, "
            "or more for flatter ones."
        ) from error


def allocate(num_rows: int, weights: Sequence[float]) -> list[int]:
    """Divides whole rows by weights: the counts sum exactly, and every language gets at least one row.

        >>> allocate(10, [1, 1, 1])
        [4, 3, 3]
        >>> allocate(10, [1000, 1, 1])
        [8, 1, 1]

    Args:
        num_rows: rows to divide, at least one for each weight.
        weights: positive numbers, of any sum.

    Raises:
        ConfigError: fewer rows than languages.

    Source: the largest-remainder (Hamilton) method, after languages whose share is below one row were given one.
    """
    if num_rows < len(weights):
        raise ConfigError(f"{num_rows} rows cannot hold {len(weights)} languages; give at least one row for each.")
    exact = [Fraction(weight) for weight in weights]
    counts = [0] * len(exact)
    open_places = set(range(len(exact)))
    rows_left = num_rows
    while small := {i for i in open_places if exact[i] * rows_left < sum(exact[j] for j in open_places)}:
        for place in small:
            counts[place] = 1
        open_places -= small
        rows_left -= len(small)
    quotas = {i: exact[i] * rows_left / sum(exact[j] for j in open_places) for i in open_places}
    for place, quota in quotas.items():
        counts[place] = int(quota)
    by_remainder = sorted(quotas, key=lambda i: (int(quotas[i]) - quotas[i], i))
    for place in by_remainder[: num_rows - sum(counts)]:
        counts[place] += 1
    return counts


def interleave(counts: Sequence[int]) -> list[int]:
    """Orders rows so that every prefix is as balanced as it can be.

        >>> interleave([2, 2, 2])
        [0, 1, 2, 0, 1, 2]
        >>> interleave([4, 2])
        [0, 1, 0, 0, 1, 0]

    Args:
        counts: rows of each language.

    Returns:
        The language's place in `counts` for every row. After k of n rows, language i has had less than one row more or
        less than k * counts[i] / n.

    Source: R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980).
    """
    total, languages = sum(counts), len(counts)
    if languages == 1:
        return [0] * total
    # In units of 1 / (total * (2 * languages - 2)) everything is a whole number, the slack being `total`.
    unit = 2 * languages - 2
    given = [0] * languages
    order = []
    for step in range(1, total + 1):
        owed = [(count * step - had * total) * unit for count, had in zip(counts, given, strict=True)]
        ready = [i for i in range(languages) if owed[i] >= total]
        # Of the languages that may come now, the one whose upper bound is reached first.
        chosen = min(ready, key=lambda i: (Fraction(total * unit - total - owed[i], counts[i]), i))
        given[chosen] += 1
        order.append(chosen)
    return order
