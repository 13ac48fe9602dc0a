"""The study of sizes as pictures: the surface of language, size and KL, and the curves with where they flatten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..evaluation.bootstrap import percentile_interval
from ..languages import Language
from ..report.canvas import FAINT, GAIN, LOSS, drawing, label_right, legend_above, rows_of_languages, titled
from ..report.heat_map import COLUMN_WIDTH, LOST, MIDDLE, NAMES_WIDTH, NO_VALUE, fill_cell
from .flattening import BROKEN, FLAT, MEAN, RISES
from .size_table import flat_from

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .size_result import SufficientSize

CURVE_HEIGHT = 3.4  # inches
VERDICTS_WIDTH = 2.2  # inches


def plot_surface(found: SufficientSize) -> Figure:
    """KL of every language at every size; the number stands in every cell, the colour is what is lost against the largest size.

                 128      256      512
    mean      | 0.0310 | 0.0262 | 0.0255 |   256 (128 .. 256)
    Swahili   | 0.0402 | 0.0311 | 0.0301 |   unresolved (128 .. 512)

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    with drawing():
        tags = list(found.losses.languages)
        tags.sort(key=lambda tag: -_last(found, tag))
        rows = {"mean of languages": (found.losses.values.mean(axis=1), MEAN)}
        rows |= {Language.from_tag(tag).name: (_curve(found, tag), tag) for tag in tags}
        width = NAMES_WIDTH + COLUMN_WIDTH * len(found.cells) + VERDICTS_WIDTH
        title = "KL to the reference, by language and tokens of each language in the calibration set"
        with np.errstate(invalid="ignore"):  # a broken language is above nothing
            above = np.stack([curve / curve[-1] - 1 for curve, _ in rows.values()])
        most = float(np.max(above, where=np.isfinite(above), initial=0.0))
        key = f"{_subtitle(found)}. Orange: above the KL with the most tokens, by up to {most:.0%}. Right: flat from"
        figure, axes = rows_of_languages(list(rows), title, key, width)
        for row, (curve, _) in enumerate(rows.values()):
            _fill_row(axes, row, curve, above[row], most)
        label_right(axes, [flat_from(found.flattenings[name], found.tokens[-1]) for _, name in rows.values()])
        axes.set_xlim(-0.5, len(found.cells) - 0.5)
        axes.set_xticks(range(len(found.cells)), [f"{tokens:,}" for tokens in found.tokens])
        axes.tick_params(axis="x", labeltop=True, labelbottom=False)
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        return figure


def _fill_row(axes: Axes, row: int, curve: np.ndarray, above: np.ndarray, most: float) -> None:
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colours, strength = LinearSegmentedColormap.from_list("", [MIDDLE, LOST]), Normalize(0, most or 1.0, clip=True)
    for column, (value, part) in enumerate(zip(curve, above, strict=True)):
        colour = colours(strength(max(0.0, part))) if np.isfinite(part) else NO_VALUE
        fill_cell(axes, row, column, colour, f"{value:.4f}" if np.isfinite(value) else BROKEN)


def plot_curve(found: SufficientSize) -> Figure:
    """KL over tokens: the mean of languages with intervals, the power law through it and where it flattens; languages in grey.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    with drawing():
        title = "How KL falls with the tokens of each language in the calibration set"
        figure, axes = titled(
            title, f"{_subtitle(found)}. Mean flat from: {flat_from(found.budget, found.tokens[-1])}", CURVE_HEIGHT
        )
        axes.set_xscale("log", base=2)
        for place, tag in enumerate(found.losses.languages):
            label = "each language" if place == 0 else None
            axes.plot(found.tokens, _curve(found, tag), color=FAINT, linewidth=0.9, alpha=0.7, label=label, zorder=1)
        _name_ends(axes, found)
        _draw_mean(axes, found)
        axes.set_xticks(found.tokens, [f"{tokens:,}" for tokens in found.tokens])
        axes.minorticks_off()
        axes.set_xlabel("tokens of each language")
        axes.set_ylabel("KL(reference || quantized), nats a token")
        axes.set_ylim(bottom=0)
        axes.grid(color=FAINT, alpha=0.35, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        legend_above(axes)
        return figure


def _name_ends(axes: Axes, found: SufficientSize) -> None:
    """Names the languages with the highest and the lowest KL at the largest size; more names would lie upon each other."""
    whole = [tag for tag in found.losses.languages if np.isfinite(_last(found, tag))]
    for pick in (max, min) if whole else ():
        tag = pick(whole, key=lambda tag: _last(found, tag))
        axes.annotate(
            Language.from_tag(tag).name, (found.tokens[-1], _last(found, tag)), xytext=(7, 0),
            textcoords="offset points", fontsize=8, va="center", annotation_clip=False,
        )  # fmt: skip


def _draw_mean(axes: Axes, found: SufficientSize) -> None:
    mean, draws = found.losses.values.mean(axis=1), found.losses.draws.mean(axis=2)
    if not np.isfinite(mean).all():
        return
    ends = np.array([percentile_interval(of_size, found.losses.confidence) for of_size in draws.T])
    reach = [np.maximum(0, mean - ends[:, 0]), np.maximum(0, ends[:, 1] - mean)]
    axes.errorbar(
        found.tokens, mean, yerr=reach, fmt="o", color=GAIN, markersize=5.5, elinewidth=1.4, capsize=2.5,
        label=f"mean, {100 * found.losses.confidence:g}% intervals", zorder=3,
    )  # fmt: skip
    if found.budget.verdict != RISES:  # no power law falls through a curve that rises
        between = np.geomspace(found.tokens[0], found.tokens[-1], 200)
        axes.plot(
            between, found.fitted(mean, between), color=GAIN, linewidth=1.2, label="power law through it", zorder=2
        )
    if found.budget.verdict == FLAT:
        tokens = found.budget.tokens
        axes.axvspan(tokens.low, tokens.high, color=LOSS, alpha=0.12, linewidth=0, zorder=0)
        label = f"a doubling gains {found.tolerance:.1%}"
        axes.axvline(tokens.value, color=LOSS, linewidth=1.2, label=label, zorder=1)


def _curve(found: SufficientSize, tag: str) -> np.ndarray:
    return found.losses.values[:, found.losses.languages.index(tag)]


def _last(found: SufficientSize, tag: str) -> float:
    return float(_curve(found, tag)[-1])


def _subtitle(found: SufficientSize) -> str:
    model = next(iter(found.cells.values()))[0].report.setting["model"]
    draws = "one draw" if found.seeds == 1 else f"{found.seeds} draws"
    return f"{model}, {found.name}; {draws} of the calibration text, rows of {found.sequence_length} tokens"
