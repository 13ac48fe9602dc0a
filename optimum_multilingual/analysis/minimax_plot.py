"""A search for shares as two pictures: what every step did, and where the rows went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..languages import Language
from ..report.canvas import FAINT, GAIN, INK, LOSS, drawing, label_right, legend_above, rows_of_languages

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .minimax_result import MinimaxMixture


def plot_steps(found: MinimaxMixture) -> Figure:
    """KL of the worst language and of the mean at every step, on the text of the search.

    1 uniform  |     o            D     worst: French
    2          |     o         D        worst: French
    3 best     |      o      D          worst: English

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    with drawing():
        best = found.steps.index(found.best)
        roles = {0: " uniform", best: " best" if best else " uniform, best"}
        names = [f"{number + 1}{roles.get(number, '')}" for number in range(len(found.steps))]
        figure, axes = rows_of_languages(names, "KL to the reference, step by step of the search", _subtitle(found))
        looks = {"mean of languages": (GAIN, "o", "mean"), "worst language": (LOSS, "D", "worst")}
        for label, (colour, marker, name) in looks.items():
            values = [value if np.isfinite(value := getattr(step, name)) else np.nan for step in found.steps]
            axes.plot(values, range(len(names)), color=colour, linewidth=0.8, alpha=0.5)
            axes.plot(values, range(len(names)), marker, color=colour, markersize=5.5, label=label)
            if np.isfinite(values[0]):
                axes.axvline(values[0], color=colour, linewidth=0.8, linestyle=":", zorder=1)
        # What is no number comes before every number.
        worst = [Language.from_tag(found.languages[int(np.argmax(step.damages))]).name for step in found.steps]
        label_right(
            axes,
            [f"{'worst' if np.isfinite(step.worst) else 'broken'}: {name}" for step, name in zip(found.steps, worst)],
        )
        axes.set_xlabel(
            "KL(reference || quantized) on the text of the search, nats a token; left is better, dotted: uniform"
        )
        legend_above(axes)
        return figure


def plot_shares(found: MinimaxMixture) -> Figure:
    """Share of the rows of every language, uniform and in the best mixture tried, the largest first.

    French   |      o-----------●       5 to 21 rows
    English  |      o---●               5 to 9 rows
    Swahili  |  ●---o                   5 to 1 rows

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    from matplotlib.ticker import PercentFormatter

    with drawing():
        uniform, best = found.steps[0], found.best
        order = sorted(range(len(found.languages)), key=lambda place: -best.rows[place])
        names = [Language.from_tag(found.languages[place]).name for place in order]
        figure, axes = rows_of_languages(names, "Share of the rows of each language", _subtitle(found))
        rows = range(len(order))
        before, after = ([step.measured_shares[place] for place in order] for step in (uniform, best))
        axes.hlines(rows, before, after, color=FAINT, linewidth=1.5)
        axes.plot(before, rows, "o", color=INK, markerfacecolor="none", markersize=6, label="uniform")
        axes.plot(after, rows, "o", color=GAIN, markersize=5.5, label="best mixture tried")
        axes.set_xlim(left=0)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        label_right(axes, [f"{uniform.rows[place]} to {best.rows[place]} rows" for place in order])
        axes.set_xlabel("share of the rows of the calibration set")
        legend_above(axes)
        return figure


def _subtitle(found: MinimaxMixture) -> str:
    return f"{len(found.languages)} languages, {sum(found.steps[0].rows)} rows. {found.conclusion}"
