"""The ranking of settings as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..languages import Language
from ..report.canvas import GAIN, LOSS, drawing, label_right, legend_above, rows_of_languages
from .ranking import Ranked

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_ranking(ranking: Sequence[Ranked], subtitle: str) -> Figure:
    """Mean over languages and worst language of every setting with their intervals, the lowest mean first.

    multi10  |  --o--     --D--       worst: English
    en       |      --o--       --D-- worst: Hindi
    noise    |                        broken: Hindi and 2 more

    Args:
        ranking: settings in order.
        subtitle: what they have in common.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    with drawing():
        title = "KL to the reference by calibration setting: mean of languages, and worst language"
        figure, axes = rows_of_languages([each.setting for each in ranking], title, subtitle)
        looks = {"mean": (GAIN, "o", "mean of languages"), "worst": (LOSS, "D", "worst language")}
        for name, (colour, marker, label) in looks.items():
            # What is broken has no place on the axis; its row says so.
            whole = [
                (row, of_it) for row, each in enumerate(ranking) if np.isfinite((of_it := getattr(each, name)).value)
            ]
            reach = [
                [max(0.0, of_it.value - of_it.low) for _, of_it in whole],
                [max(0.0, of_it.high - of_it.value) for _, of_it in whole],
            ]
            axes.errorbar(
                [of_it.value for _, of_it in whole], [row for row, _ in whole], xerr=reach, fmt=marker, color=colour,
                markersize=5.5, elinewidth=1.4, capsize=2.5, label=label,
            )  # fmt: skip
        label_right(axes, [_at_the_end(each) for each in ranking])
        axes.set_xlabel("KL(reference || quantized), nats a token; left is better")
        legend_above(axes)
        return figure


def _at_the_end(ranked: Ranked) -> str:
    """The worst language of the mean, if there is one, and what is broken."""
    has_mean = np.isfinite(ranked.mean.value)
    parts = [f"worst: {Language.from_tag(ranked.worst_language).name}"] if has_mean else []
    if ranked.broken:
        more = f" and {len(ranked.broken) - 1} more" if len(ranked.broken) > 1 else ""
        parts.append(f"broken: {Language.from_tag(ranked.broken[0]).name}{more}")
    return "; ".join(parts)
