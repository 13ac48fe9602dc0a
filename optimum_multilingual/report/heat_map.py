"""The heat map: what each language lost in each of several settings."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .canvas import BANDED_FROM, GAIN, LOSS, WIDTH, drawing, printable, rows_of_languages
from .scores import BROKEN, UNRESOLVED, LanguageScore

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .compare import Comparison

# Shares of the cells whose colour is not saturated: one language lost does not make all others look whole.
WITHIN_COLOURS = 0.95

COLUMN_WIDTH, NAMES_WIDTH = 1.1, 2.4  # inches


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
        width = max(WIDTH, NAMES_WIDTH + COLUMN_WIDTH * len(labels))
        names = [comparison.name_of(language) for language in rows]
        figure, axes = rows_of_languages(names, title, comparison.common_setting, width)
        cells = [[of_it.get(language) for of_it in comparison.scores] for language in rows]
        _fill(axes, cells)
        axes.set_xticks(range(len(labels)), labels)
        axes.tick_params(axis="x", labeltop=True, labelbottom=len(rows) >= BANDED_FROM)
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        axes.set_xlabel("orange: lost, blue: gained; in brackets: unresolved; empty: not measured")
        return figure


def _fill(axes: Axes, cells: Sequence[Sequence[LanguageScore | None]]) -> None:
    """Colours and numbers. Colours are symmetric around no change, so that equal strength is equal change."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    sizes = [abs(score.relative_change.value) for line in cells for score in line if _has_value(score)]
    limit = (float(np.quantile(sizes, WITHIN_COLOURS)) or max(sizes) if sizes else 0.0) or 1.0
    colours = LinearSegmentedColormap.from_list("gain and loss", [GAIN, "#f7f7f7", LOSS])
    strength = Normalize(-limit, limit)
    for row, line in enumerate(cells):
        for column, score in enumerate(line):
            if score is not None:
                known = _has_value(score)
                colour = colours(strength(score.relative_change.value)) if known else (0.8, 0.8, 0.8, 1.0)
                _fill_one(axes, row, column, colour, _written(score))


def _fill_one(axes: Axes, row: int, column: int, colour: tuple[float, ...], text: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((column - 0.49, row - 0.47), 0.98, 0.94, facecolor=colour, linewidth=0))
    red, green, blue = colour[:3]
    is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
    axes.text(column, row, text, ha="center", va="center", color="white" if is_dark else "black", fontsize=8.5)


def _has_value(score: LanguageScore | None) -> bool:
    return score is not None and score.verdict != BROKEN


def _written(score: LanguageScore) -> str:
    if score.verdict == BROKEN:
        return BROKEN
    number = f"{score.relative_change.value:+.2%}"
    return f"({number})" if score.verdict == UNRESOLVED else number


def _in_lines(label: str) -> str:
    return "\n".join(textwrap.wrap(printable(label), 16))
