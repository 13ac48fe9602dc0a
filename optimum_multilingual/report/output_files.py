"""Reports and comparisons as files: the ending of a path says the form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, ConfigError
from .canvas import require_matplotlib

if TYPE_CHECKING:
    from .compare import Comparison
    from .multilingual_report import MultilingualReport

PICTURES = (".png", ".svg")
REPORT_ENDINGS = (".json", ".md", ".csv", ".parquet", ".html", *PICTURES)
COMPARISON_ENDINGS = REPORT_ENDINGS[1:]

# The plots of one report; several have the heat map.
PLOTS = ("damage", "models", "divergence", "heat-map")


def require_writable(path: Path, endings: tuple[str, ...], what: str) -> None:
    """Refuses a path that cannot become a file of a known form, before anything is computed.

        >>> require_writable(Path("report.xlsx"), REPORT_ENDINGS, "A report")
        ConfigError: A report can be written as .json, .md, .csv, .parquet, .html, .png, .svg; report.xlsx ends otherwise.

    Raises:
        ConfigError: the ending is unknown, or the folder does not exist.
        MissingPackageError: it is a picture, and matplotlib is not installed.
    """
    if path.suffix.lower() not in endings:
        raise ConfigError(f"{what} can be written as {', '.join(endings)}; {path.name} ends otherwise.")
    if not path.resolve().parent.is_dir():
        raise ConfigError(f"{path} lies in a folder that does not exist; make it first.")
    if path.suffix.lower() in PICTURES:
        require_matplotlib()


def save_report(report: MultilingualReport, path: Path, plot: str = "damage") -> None:
    """Writes one report as its path ends.

    Args:
        report: what is written.
        path: of the file; another file there is replaced.
        plot: what a .png or .svg shows.

    Raises:
        ConfigError: no form is known for the ending, or no plot of that name.
        MissingPackageError: a picture was asked for and matplotlib is not installed.
    """
    require_writable(path, REPORT_ENDINGS, "A report")
    forms: dict[str, Callable[[], str]] = {
        ".json": report.to_json,
        ".md": lambda: f"{report.to_markdown()}\n",
        ".html": report.to_html,
    }
    _save(path, forms, report, lambda: draw(report, plot))


def save_comparison(comparison: Comparison, path: Path) -> None:
    """Writes a comparison as its path ends; a picture is the heat map.

    Raises:
        ConfigError: no form is known for the ending.
        MissingPackageError: a picture was asked for and matplotlib is not installed.
    """
    from .heat_map import plot_heat_map

    require_writable(path, COMPARISON_ENDINGS, "A comparison")
    forms: dict[str, Callable[[], str]] = {
        ".md": lambda: f"{comparison.to_markdown()}\n",
        ".html": comparison.to_html,
    }
    _save(path, forms, comparison, lambda: plot_heat_map(comparison))


def draw(report: MultilingualReport, plot: str) -> Any:
    """One plot of a report by name, as a matplotlib figure.

    Raises:
        ConfigError: no plot is called so.
        MissingPackageError: matplotlib is not installed.
    """
    from . import heat_map, plots
    from .compare import Comparison

    if plot == "heat-map":
        return heat_map.plot_heat_map(Comparison((report,), ("change",)))
    drawn = {"damage": plots.plot_damage, "models": plots.plot_models, "divergence": plots.plot_divergence}
    if plot not in drawn:
        raise ConfigError(f"No plot is called {plot!r}; there are {', '.join(PLOTS)}.")
    return drawn[plot](report)


def _save(path: Path, texts: dict[str, Callable[[], str]], source: Any, figure: Callable[[], Any]) -> None:
    from .canvas import save_figure

    ending = path.suffix.lower()
    try:
        if ending in texts:
            path.write_text(texts[ending](), encoding="utf-8")
        elif ending in PICTURES:
            save_figure(figure(), path)
        elif ending == ".csv":
            from pyarrow import csv

            csv.write_csv(source.to_arrow(), path)
        else:
            from pyarrow import parquet

            parquet.write_table(source.to_arrow(), path)
    except OSError as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} cannot be written ({error}).") from error
