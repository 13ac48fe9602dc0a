"""Markdown tables that also stand in columns in a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], left_aligned: Collection[str]) -> list[str]:
    """A Markdown table whose columns also stand under each other in a terminal.

        >>> aligned(["language", "KL"], [["Swahili", "0.02"]], ["language"])
        ['| language |   KL |', '| :------- | ---: |', '| Swahili  | 0.02 |']

    Args:
        header: names of the columns.
        rows: as many cells each.
        left_aligned: names of the columns that hold words.
    """
    # Names may hold what separates cells.
    header, rows = _escaped(header), [_escaped(row) for row in rows]
    widths = [max(len(line[column]) for line in (header, *rows)) for column in range(len(header))]
    left = [name in _escaped(left_aligned) for name in header]
    rule = [f":{'-' * (width - 1)}" if is_left else f"{'-' * (width - 1)}:" for width, is_left in zip(widths, left)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(cells, widths, left, strict=True)
        ]
        return f"| {' | '.join(padded)} |"

    return [line(header), line(rule), *map(line, rows)]


def _escaped(cells: Iterable[str]) -> list[str]:
    return [cell.replace("|", r"\|") for cell in cells]
