"""The plots of one report: damage with intervals, both models, quantiles of the divergence. matplotlib is an extra."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from .canvas import FAINT, GAIN, GREY, INK, LOSS, drawing, label_right, legend_above, rows_of_languages
from .scores import BROKEN, DAMAGED, IMPROVED, UNRESOLVED, LanguageScore
from .table import setting_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .multilingual_report import MultilingualReport

# Colour, marker and fill all say the verdict, so that it survives any eye and any printer.
LOOKS: dict[str, dict[str, Any]] = {
    DAMAGED: {"color": LOSS, "marker": "o", "markerfacecolor": LOSS},
    IMPROVED: {"color": GAIN, "marker": "D", "markerfacecolor": GAIN},
    UNRESOLVED: {"color": GREY, "marker": "o", "markerfacecolor": "none"},
    BROKEN: {"color": INK, "marker": "x"},
}

# One language may lose a hundred times what others lose; beyond this spread the axis becomes logarithmic.
LINEAR_UP_TO = 30

QUANTILES = {"median": "|", "p90": "o", "p95": "s", "p99": "^", "p999": "D", "max": "x"}
QUANTILE_NAMES = {"median": "median", "p90": "90%", "p95": "95%", "p99": "99%", "p999": "99.9%", "max": "largest"}


def plot_damage(report: MultilingualReport) -> Figure:
    """Relative change of bits per byte of every language with its interval, worst first.

    Swahili  |        |---o---|        +2.10% damaged
    English  |  |--o--|                +0.50% damaged
             0       1%      2%

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    with drawing():
        scores = report.worst_first
        percent = f"{100 * report.evaluation['confidence']:g}%"
        title = f"What each language lost: change of bits per byte, with {percent} intervals"
        figure, axes = rows_of_languages([score.name for score in scores], title, setting_line(report))
        verdicts = [verdict for verdict in LOOKS if any(score.verdict == verdict for score in scores)]
        for verdict in verdicts:
            rows = [(row, score) for row, score in enumerate(scores) if score.verdict == verdict]
            _draw_changes(axes, rows, verdict)
        axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
        mean = report.summary().macro_mean
        if math.isfinite(mean):
            axes.axvline(
                mean, color=GREY, linewidth=1, linestyle="--", label=f"mean of languages {mean:+.2%}", zorder=1
            )
        label_right(axes, [_change_label(score) for score in scores])
        axes.set_xlabel("change of bits per byte, relative to the model before; right is worse" + _scale(axes, scores))
        legend_above(axes)
        return figure


def _draw_changes(axes: Axes, rows: Sequence[tuple[int, LanguageScore]], verdict: str) -> None:
    """Points and intervals of one verdict; what is broken has no value, and stands at the far end as a cross."""
    places = [row for row, _ in rows]
    if verdict == BROKEN:
        ends, transform = [0.99] * len(places), axes.get_yaxis_transform()
        axes.plot(ends, places, linestyle="", markersize=6, label=verdict, transform=transform, **LOOKS[verdict])
        return
    values = [score.relative_change.value for _, score in rows]
    reach = list(zip(*(_reach(score.relative_change) for _, score in rows)))
    axes.errorbar(values, places, xerr=reach, fmt="none", ecolor=LOOKS[verdict]["color"], elinewidth=1.4, capsize=2.5)
    axes.plot(values, places, linestyle="", markersize=5.5, label=verdict, **LOOKS[verdict])


def _reach(change: Any) -> tuple[float, float]:
    """How far the interval goes to both sides of the value; it need not hold the value."""
    return max(0.0, change.value - change.low), max(0.0, change.high - change.value)


def _change_label(score: LanguageScore) -> str:
    return BROKEN if score.verdict == BROKEN else f"{score.relative_change.value:+.2%} {score.verdict}"


def _scale(axes: Axes, scores: Sequence[LanguageScore]) -> str:
    """Sets the scale of changes, and gives what the label of the axis must say of it."""
    from matplotlib.ticker import PercentFormatter

    changes = [score.relative_change for score in scores if score.verdict != BROKEN]
    sizes = [abs(change.value) for change in changes]
    middle = median(sizes) if sizes else 0.0
    logarithmic = middle > 0 and max(sizes) > LINEAR_UP_TO * middle
    if logarithmic:
        ends = min(change.low for change in changes), max(change.high for change in changes)
        axes.set_xscale("symlog", linthresh=middle)
        axes.set_xlim(min(1.5 * ends[0], -middle / 2), max(1.5 * ends[1], middle / 2))
        axes.set_xticks(_powers_of_ten(*ends, middle))
        axes.minorticks_off()
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    return f"\nlogarithmic beyond {middle:.2%}" if logarithmic else ""


def _powers_of_ten(low: float, high: float, least: float) -> list[float]:
    """Zero, and the powers of ten of both signs from `least` to the ends, none of which crowd around zero."""
    sizes = [
        10.0**power for power in range(math.ceil(math.log10(least)), math.ceil(math.log10(max(-low, high, least))) + 1)
    ]
    return [
        *(-size for size in reversed(sizes) if -size > 1.5 * low),
        0.0,
        *(size for size in sizes if size < 1.5 * high),
    ]


def plot_models(report: MultilingualReport) -> Figure:
    """Bits per byte of the reference and of the quantized model, a line between them, largest loss first.

    Swahili  |             o-----●     2.747 to 2.805
    English  |   o-●                   2.101 to 2.112

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    with drawing():
        scores = report.worst_first
        title = "Reference against quantized: bits per byte of text"
        figure, axes = rows_of_languages([score.name for score in scores], title, setting_line(report))
        rows = range(len(scores))
        before = [score.reference.bits_per_byte for score in scores]
        after = [score.quantized.bits_per_byte for score in scores]
        axes.hlines(rows, before, after, color=FAINT, linewidth=1.5)
        axes.plot(before, rows, "o", color=INK, markerfacecolor="none", markersize=6, label="reference")
        for verdict in (DAMAGED, IMPROVED, UNRESOLVED):
            places = [row for row in rows if scores[row].verdict == verdict]
            if places:
                look = {"color": LOOKS[verdict]["color"], "markersize": 9, "markeredgewidth": 2}
                axes.plot([after[row] for row in places], places, "|", label=f"quantized, {verdict}", **look)
        label_right(axes, [_models_label(score) for score in scores])
        axes.set_xlabel("bits per byte; left is better. Languages differ by script, compare inside a row")
        legend_above(axes)
        return figure


def _models_label(score: LanguageScore) -> str:
    after = BROKEN if score.verdict == BROKEN else f"{score.quantized.bits_per_byte:.3f}"
    return f"{score.reference.bits_per_byte:.3f} to {after}"


def plot_divergence(report: MultilingualReport) -> Figure:
    """Median, 90, 95, 99 and 99.9 % quantile and maximum of KL(reference || quantized) over tokens, and its mean.

    Swahili  |    |   o  s   ^    D    x
    English  |  |  o s  ^   D   x

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    with drawing():
        scores = sorted(report.scores, key=lambda score: (score.verdict != BROKEN, -score.kl.mean.value))
        title = "Divergence of next-token distributions: quantiles of KL over tokens"
        figure, axes = rows_of_languages([score.name for score in scores], title, setting_line(report))
        rows = range(len(scores))
        axes.hlines(rows, [s.kl.median for s in scores], [s.kl.max for s in scores], color=FAINT, linewidth=1)
        for (name, marker), shade in zip(QUANTILES.items(), [*_shades(len(QUANTILES) - 1), INK]):
            values = [getattr(score.kl, name) for score in scores]
            axes.plot(values, rows, marker, color=shade, markersize=5, markeredgewidth=1.5, label=QUANTILE_NAMES[name])
        means = [score.kl.mean.value for score in scores]
        axes.plot(means, rows, "o", color=INK, markerfacecolor="none", markersize=7.5, label="mean")
        _logarithmic(axes, any(score.kl.max > 0 for score in scores))
        label_right(axes, [_mean_label(score) for score in scores])
        axes.set_xlabel("KL(reference || quantized), nats a token, logarithmic; sorted by the mean")
        legend_above(axes)
        return figure


def _mean_label(score: LanguageScore) -> str:
    return BROKEN if score.verdict == BROKEN else f"mean {score.kl.mean.value:.4f}"


def _logarithmic(axes: Axes, has_values: bool) -> None:
    """A logarithmic axis with plain numbers; two equal models give one without a value."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log", nonpositive="mask")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    if not has_values:
        axes.set_xlim(1e-6, 1)


def _shades(count: int) -> list[str]:
    """Colours from light to dark that stay in order for every eye, and are seen on a white and on a dark page."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps["plasma"](0.72 - 0.36 * place / (count - 1))) for place in range(count)]
