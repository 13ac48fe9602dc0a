"""The pictures of the study of activations: coverage, patterns and distributions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError
from ..languages import Language
from ..report.canvas import (
    FAINT,
    GAIN,
    GREY,
    INK,
    LOSS,
    drawing,
    label_right,
    legend_above,
    printable,
    rows_of_languages,
    titled_figure,
)
from ..report.coverage import uncovered
from ..report.heat_map import GAINED, LOST, MIDDLE
from .patterns import KERNEL, signed_extremes
from .study_files import draw_study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .activations_result import Activations

PANELS_ACROSS, PANEL_WIDTH, PANEL_HEIGHT = 4, 2.1, 1.9  # inches

# Share of the squares whose colour is not saturated: one outlier does not make all others look like nothing.
WITHIN_COLOURS = 0.99

# Quantiles over channels that a row of a distribution shows; the box holds the middle half.
BOX, WHISKERS = (0.25, 0.75), (0.01, 0.99)


def draw_all(found: Activations, folder: Path) -> None:
    """Draws coverage, and of the worst layer input its patterns and the distribution of its channels' largest values.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    pictures = {
        "coverage.png": plot_coverage,
        "coverage-of-layers.png": plot_coverage_of_layers,
        "patterns.png": plot_patterns,
        "distribution.png": plot_distribution,
    }
    draw_study(folder, {name: partial(draw, found) for name, draw in pictures.items()})


def plot_coverage(found: Activations) -> Figure:
    """Share of channels beyond the calibration rows of every language, and what chance says, largest excess first.

    Hausa    |       |        D     3.3 times chance
    English  |       |o             1.0 times chance

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    from matplotlib.ticker import PercentFormatter

    with drawing():
        coverage = sorted(found.coverage(), key=lambda each: -each.excess)
        names, rows = [_name(each.language) for each in coverage], range(len(coverage))
        title = "Channels in which a language goes beyond the calibration rows"
        figure, axes = rows_of_languages(names, title, _subtitle(found))
        chance = [each.by_chance for each in coverage]
        axes.hlines(rows, chance, [each.share for each in coverage], color=FAINT, linewidth=1.5)
        axes.plot(chance, rows, "|", color=INK, markersize=10, markeredgewidth=1.6, label="by chance")
        warned = uncovered(coverage)
        looks = {
            "calibrated on": (GAIN, "o", [each.calibrated for each in coverage]),
            "not calibrated on": (GREY, "s", [not each.calibrated and each not in warned for each in coverage]),
            "not calibrated on, warned about": (LOSS, "D", [each in warned for each in coverage]),
        }
        for label, (colour, marker, of_these) in looks.items():
            places = [row for row in rows if of_these[row]]
            if places:
                axes.plot(
                    [coverage[row].share for row in places], places, marker, color=colour, markersize=6, label=label
                )
        label_right(axes, [f"{each.share:.1%}, {each.excess:.2f} times chance" for each in coverage])
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlim(left=0)
        axes.set_xlabel("share of channels with a smaller or larger value than all calibration rows; left is better")
        legend_above(axes)
        return figure


def plot_coverage_of_layers(found: Activations) -> Figure:
    """Share of channels beyond the calibration rows, languages down and layer inputs across.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import PercentFormatter

    with drawing():
        shares, tags = found.exceeding_shares(), list(found.languages)
        order = np.argsort(-shares.mean(1), kind="stable")
        title = "Channels beyond the calibration rows, by layer input"
        figure, axes = rows_of_languages([_name(tags[place]) for place in order], title, _subtitle(found))
        colours = LinearSegmentedColormap.from_list("", [MIDDLE, LOST])
        picture = axes.imshow(shares[order], cmap=colours, vmin=0, aspect="auto", interpolation="nearest", zorder=2)
        shown = range(0, len(found.inputs), max(1, len(found.inputs) // 16))
        labels = [printable(_short(found.inputs[place].name)) for place in shown]
        axes.set_xticks(list(shown), labels, rotation=60, ha="right", rotation_mode="anchor", fontsize=7)
        axes.grid(visible=False)
        bar = figure.colorbar(picture, ax=axes, format=PercentFormatter(1.0), pad=0.01)
        bar.outline.set_visible(False)
        return figure


def plot_patterns(found: Activations, layer: str | None = None) -> Figure:
    """One panel for each text: its first tokens down, channels across, each square the value farthest from zero of 32 x 32.

    Args:
        found: the study.
        layer: a layer input, by the name of its first layer; None for the one with the most channels beyond the rows.

    Raises:
        ConfigError: no layer input is called so.
        MissingPackageError: matplotlib is not installed.

    Source: pooled patterns after Paglieri et al. (2024).
    """
    from matplotlib.colors import LinearSegmentedColormap

    name = _input(found, layer)
    with drawing():
        pictures = {tag: signed_extremes(found.patterns[tag][name]) for tag in found.texts}
        limit = float(np.quantile(np.abs(np.concatenate([each.ravel() for each in pictures.values()])), WITHIN_COLOURS))
        down = -(-len(pictures) // PANELS_ACROSS)
        across = min(PANELS_ACROSS, len(pictures))
        title = f"Input of {printable(name)}: the value farthest from zero of {KERNEL} tokens x {KERNEL} channels"
        width = max(8.5, PANEL_WIDTH * across)
        figure = titled_figure(title, f"{_subtitle(found)}. Tokens down, channels across.", width, PANEL_HEIGHT * down)
        panels = figure.subplots(down, across, squeeze=False)
        colours = LinearSegmentedColormap.from_list("", [GAINED, MIDDLE, LOST])
        for axes in panels.flat[len(pictures) :]:
            axes.set_visible(False)
        for axes, (tag, picture) in zip(panels.flat, pictures.items()):
            image = axes.imshow(picture, cmap=colours, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
            axes.set_title(printable(_text_name(tag)), fontsize=9)
            axes.tick_params(length=0, labelsize=6)
            axes.set_xticks(*_ends(picture.shape[1]))
            axes.set_yticks(*_ends(picture.shape[0]))
            axes.spines[:].set_visible(False)
        bar = figure.colorbar(image, ax=panels, extend="both", pad=0.01, aspect=30)
        bar.outline.set_visible(False)
        return figure


def plot_distribution(found: Activations, statistic: str = "absolute_maximum", layer: str | None = None) -> Figure:
    """How a statistic is spread over the channels of one layer input: quartiles, 1 and 99 %, and the largest channel.

    Swahili          |    ----[==|==]------      x
    calibration rows |    ----[==|==]-------     x

    Args:
        found: the study.
        statistic: "absolute_maximum", "kurtosis", "deviation" or "outlier_share".
        layer: as in `plot_patterns`.

    Raises:
        ConfigError: no layer input or statistic is called so.
        MissingPackageError: matplotlib is not installed.
    """
    name = _input(found, layer)
    if statistic not in STATISTICS:
        raise ConfigError(f"statistic must be one of {', '.join(STATISTICS)}, got {statistic!r}.")
    with drawing():
        texts = found.texts
        title = f"Input of {printable(name)}: {STATISTICS[statistic]} of each channel"
        figure, axes = rows_of_languages([_text_name(tag) for tag in texts], title, _subtitle(found))
        values = [np.asarray(getattr(of_it[name], statistic)) for of_it in texts.values()]
        values = [each[np.isfinite(each)] for each in values]
        rows, shown = range(len(values)), (*WHISKERS, *BOX, 0.5, 1)
        # Channels that never change have no kurtosis; a text of which that is true of all keeps its row.
        quantiles = np.array([np.quantile(each, shown) if len(each) else [np.nan] * len(shown) for each in values]).T
        axes.hlines(rows, quantiles[0], quantiles[1], color=GREY, linewidth=1.2, label="1 to 99% of channels")
        axes.hlines(rows, quantiles[2], quantiles[3], color=GAIN, linewidth=6, label="middle half")
        axes.plot(quantiles[4], rows, "|", color="white", markersize=6, markeredgewidth=1.6)
        axes.plot(quantiles[5], rows, "x", color=LOSS, markersize=5, markeredgewidth=1.5, label="largest channel")
        there = quantiles[:, ~np.isnan(quantiles[0])]
        if there.size and there[5].max() > 30 * np.median(there[4]) > 0 and there[0].min() > 0:
            axes.set_xscale("log")
        label_right(
            axes, [f"median {value:.3g}, largest {most:.3g}" for value, most in zip(quantiles[4], quantiles[5])]
        )
        axes.set_xlabel(STATISTICS[statistic])
        legend_above(axes)
        return figure


STATISTICS = {
    "absolute_maximum": "absolute maximum",
    "kurtosis": "excess kurtosis",
    "deviation": "standard deviation",
    "outlier_share": "share of outliers",
}


def _input(found: Activations, layer: str | None) -> str:
    names = [each.name for each in found.inputs]
    if layer is not None and layer not in names:
        raise ConfigError(f"No layer input is called {layer!r}; there are {', '.join(names[:8])} and so on.")
    return layer or found.worst_input()


def _subtitle(found: Activations) -> str:
    calibrated = ", ".join(map(_name, found.calibrated))
    return f"{found.model}; calibration rows of {found.tokens('calibration'):,} tokens: {calibrated}"


def _ends(squares: int) -> tuple[list[Any], list[str]]:
    """Ticks at the first and after the last square, which say tokens or channels."""
    return [-0.5, squares - 0.5], ["0", str(KERNEL * squares)]


def _short(name: str) -> str:
    """`model.layers.3.self_attn.q_proj` as `3.q_proj`."""
    parts = name.split(".")
    numbers = [part for part in parts if part.isdigit()]
    return ".".join([*numbers[:1], parts[-1]])


def _text_name(tag: str) -> str:
    return "calibration rows" if tag == "calibration" else _name(tag)


def _name(tag: str) -> str:
    return Language.from_tag(tag).name
