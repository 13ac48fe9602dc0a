"""What all plots share: matplotlib without global state, rows of languages, colours that colour-blind readers tell apart."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import MissingPackageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Vermilion and blue of M. Okabe and K. Ito, "Color Universal Design" (2008); text and lines in near-black.
INK, FAINT, LOSS, GAIN, GREY = "#1b1b1f", "#8a8a93", "#d55e00", "#0072b2", "#6f6f78"

# The same colours in a page, which may be dark.
PAGE_COLOURS = {INK: "var(--ink)", FAINT: "var(--faint)", LOSS: "var(--loss)", GAIN: "var(--gain)", GREY: "var(--grey)"}

ROW_HEIGHT = 0.235  # inches
WIDTH = 8.5  # inches
LETTERS_PER_INCH = 15  # of the subtitle; wide ones, so that none is cut off
BANDED_FROM, TICKS_ON_TOP_FROM = 8, 25  # rows


def require_matplotlib() -> None:
    """Checks that plots can be drawn.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            'Plots need matplotlib, which is not installed. Run: pip install "optimum-multilingual[plots]". Tables, '
            "CSV, parquet and JSON need nothing more."
        ) from error


@contextmanager
def drawing() -> Iterator[None]:
    """Draws in our style whatever the user's matplotlibrc says.

        with drawing():
            figure, axes = rows_of_languages(["Swahili", "Yoruba"], "Change")

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    require_matplotlib()
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": ["DejaVu Sans"],
                "font.size": 9,
                "text.parse_math": False,  # a dollar in the name of a model is a dollar
                "text.color": INK,
                "axes.labelcolor": INK,
                "axes.edgecolor": FAINT,
                "xtick.color": FAINT,
                "ytick.color": FAINT,
                "xtick.labelcolor": INK,
                "ytick.labelcolor": INK,
                "svg.fonttype": "none",  # letters stay letters: small files, text that can be searched and read aloud
            }
        )
        yield


def titled_figure(title: str, subtitle: str, width: float, height: float) -> Figure:
    """An empty figure with its title on top, in which axes take their places below.

    Args:
        title: what is shown.
        subtitle: of which model; broken into lines where it is long.
        width: of the whole figure, in inches.
        height: of what is below the titles, in inches.
    """
    from matplotlib.figure import Figure

    lines = textwrap.wrap(printable(subtitle), int(LETTERS_PER_INCH * width))
    header = 0.36 + 0.16 * len(lines)  # inches
    whole = header + height
    figure = Figure(figsize=(width, whole), dpi=150, layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - header / whole))  # type: ignore[union-attr,call-arg]
    figure.text(0.1 / width, 1 - 0.1 / whole, printable(title), va="top", fontsize=11, fontweight="bold")
    figure.text(0.1 / width, 1 - 0.34 / whole, "\n".join(lines), va="top", fontsize=8, linespacing=1.3)
    return figure


def titled(title: str, subtitle: str, height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """An empty plot below a title; arguments as of `titled_figure`."""
    figure = titled_figure(title, subtitle, width, height)
    return figure, figure.add_subplot()


def rows_of_languages(names: Sequence[str], title: str, subtitle: str, width: float = WIDTH) -> tuple[Figure, Axes]:
    """An empty plot with one row for each name, the first on top; rows of many are banded to guide the eye.

    Args:
        names: of the rows.
        title: what is shown.
        subtitle: of which model; broken into lines where it is long.
        width: of the whole figure, in inches.
    """
    figure, axes = titled(title, subtitle, 1.35 + ROW_HEIGHT * len(names), width)
    axes.set_yticks(range(len(names)), [printable(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(length=0)
    axes.tick_params(axis="x", labeltop=len(names) >= TICKS_ON_TOP_FROM)
    axes.grid(axis="x", color=FAINT, alpha=0.35, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    if len(names) >= BANDED_FROM:
        for row in range(1, len(names), 2):
            axes.axhspan(row - 0.5, row + 0.5, color=FAINT, alpha=0.12, linewidth=0)
    return figure, axes


def label_right(axes: Axes, labels: Sequence[str]) -> None:
    """Writes a text to the right of every row."""
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(labels)), [printable(label) for label in labels])
    right.tick_params(length=0)
    right.spines["right"].set_visible(False)


def legend_above(axes: Axes, handles: Sequence[Any] | None = None) -> None:
    """Puts the legend between title and rows, where the first look falls however long the plot is."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure()
    assert figure is not None
    room_for_ticks = 18 / 72 if axes.xaxis.get_tick_params()["labeltop"] else 4 / 72
    above = axes.transAxes + ScaledTranslation(0, room_for_ticks, figure.dpi_scale_trans)
    given = {} if handles is None else {"handles": handles}
    axes.legend(
        **given, loc="lower left", bbox_to_anchor=(0, 1), bbox_transform=above, borderaxespad=0, ncols=4,
        frameon=False, handletextpad=0.5, columnspacing=1.4, fontsize=8.5,
    )  # fmt: skip


def save_figure(figure: Figure, path: Path) -> None:
    """Writes PNG or SVG, as the path ends; equal figures give equal bytes."""
    if path.suffix.lower() == ".svg":
        with drawing():
            path.write_text(_svg(figure, "plot"), encoding="utf-8")
    else:
        path.write_bytes(png(figure))


def png(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    with drawing():
        figure.savefig(buffer, format="png", facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """A figure as an element of an HTML page: its colours follow the page, and readers of the screen hear the description.

    Args:
        figure: of this module.
        name: unique in the page; it begins every id inside.
        description: what there is to see.
    """
    from markupsafe import escape

    with drawing():
        svg = _svg(figure, name)
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    for colour, variable in PAGE_COLOURS.items():
        svg = svg.replace(colour, variable)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(description)}"', 1)


def _svg(figure: Figure, salt: str) -> str:
    import matplotlib

    matplotlib.rcParams["svg.hashsalt"] = salt
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return buffer.getvalue()


def printable(text: str) -> str:
    """A text with "?" for each letter that the font of the plots lacks, which would be drawn as a box.

    Names of languages are English and always whole; names of models and folders may be anything.
    """
    return "".join(letter if letter == "\n" or ord(letter) in _letters() else "?" for letter in text)


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont("DejaVu Sans")).get_charmap())
