"""The heat map: what each language lost in each of several settings."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .canvas import BANDED_FROM, drawing, printable, rows_of_languages
from .scores import BROKEN, UNRESOLVED, LanguageScore

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .compare import Comparison

# Shares of the cells whose colour is not saturated: one language lost does not make all others look whole.
WITHIN_COLOURS = 0.95

# The ends are vermilion and blue, a hair off the colours that a page changes in the dark: cells and their letters stay.
GAINED, MIDDLE, LOST, NO_VALUE = "#0173b3", "#f7f7f7", "#d65f01", (0.8, 0.8, 0.8, 1.0)

KEY = "Orange: lost, blue: gained; in brackets: unresolved; empty: not measured"

COLUMN_WIDTH, NAMES_WIDTH, LEAST_WIDTH = 1.1, 2.4, 6.0  # inches


def plot_heat_map(comparison: Comparison) -> Figure:
    """Relative change of bits per byte, languages down and settings across; the number stands in every cell.

                 bits 4    bits 3
    Swahili   |  +0.4%  |  +2.1%  |
    English   | (+0.0%) |  +0.5%  |

    Args:
        comparison: of one or more reports.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    with drawing():
        rows, labels = comparison.worst_first, [_in_lines(label) for label in comparison.labels]
        title = "Change of bits per byte, by language and setting"
        width = max(LEAST_WIDTH, NAMES_WIDTH + COLUMN_WIDTH * len(labels))
        names = [comparison.name_of(language) for language in rows]
        figure, axes = rows_of_languages(names, title, f"{comparison.common_setting}. {KEY}", width)
        cells = [[of_it.get(language) for of_it in comparison.scores] for language in rows]
        _fill(axes, cells)
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_xticks(range(len(labels)), labels)
        axes.tick_params(axis="x", labeltop=True, labelbottom=len(rows) >= BANDED_FROM)
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        return figure


def _fill(axes: Axes, cells: Sequence[Sequence[LanguageScore | None]]) -> None:
    """Colours and numbers. Colours are symmetric around no change, so that equal strength is equal change."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    known = [score for line in cells for score in line if score is not None and score.verdict != BROKEN]
    sizes = [abs(score.relative_change.value) for score in known] or [0.0]
    limit = float(np.quantile(sizes, WITHIN_COLOURS)) or max(sizes) or 1.0
    colours, strength = LinearSegmentedColormap.from_list("", [GAINED, MIDDLE, LOST]), Normalize(-limit, limit)
    for row, line in enumerate(cells):
        for column, score in enumerate(line):
            if score is not None:
                whole = score.verdict != BROKEN
                colour = colours(strength(score.relative_change.value)) if whole else NO_VALUE
                fill_cell(axes, row, column, colour, _written(score))


def fill_cell(axes: Axes, row: int, column: int, colour: tuple[float, ...], text: str) -> None:
    """One cell of a heat map: its colour, and a number that can be read on it."""
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((column - 0.49, row - 0.47), 0.98, 0.94, facecolor=colour, linewidth=0))
    red, green, blue = colour[:3]
    is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.4
    axes.text(column, row, text, ha="center", va="center", color="white" if is_dark else "black", fontsize=8.5)


def _written(score: LanguageScore) -> str:
    if score.verdict == BROKEN:
        return BROKEN
    number = f"{score.relative_change.value:+.2%}"
    return f"({number})" if score.verdict == UNRESOLVED else number


def _in_lines(label: str) -> str:
    return "\n".join(line for part in printable(label).split(", ") for line in textwrap.wrap(part, 16))
