"""The ranking of settings as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..languages import Language
from ..report.canvas import GAIN, LOSS, drawing, label_right, legend_above, rows_of_languages
from .ranking import Ranked

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_ranking(ranking: Sequence[Ranked], subtitle: str) -> Figure:
    """Mean over languages and worst language of every setting with their intervals, the lowest mean first.

    multi10  |  --o--     --D--       worst: English
    en       |      --o--       --D-- worst: Hindi

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
            estimates = [getattr(each, name) for each in ranking]
            reach = [
                [max(0.0, each.value - each.low) for each in estimates],
                [max(0.0, each.high - each.value) for each in estimates],
            ]
            axes.errorbar(
                [each.value for each in estimates], range(len(ranking)), xerr=reach, fmt=marker, color=colour,
                markersize=5.5, elinewidth=1.4, capsize=2.5, label=label,
            )  # fmt: skip
        label_right(axes, [f"worst: {Language.from_tag(each.worst_language).name}" for each in ranking])
        axes.set_xlabel("KL(reference || quantized), nats a token; left is better")
        legend_above(axes)
        return figure
