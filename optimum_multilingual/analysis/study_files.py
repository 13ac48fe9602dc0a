"""The files every study leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..report.canvas import require_matplotlib, save_figure

if TYPE_CHECKING:
    import pyarrow
    from matplotlib.figure import Figure


def write_study(
    folder: Path, name: str, values: Mapping[str, Any], text: str, table: pyarrow.Table | None = None
) -> None:
    """Writes NAME.json with what came out, NAME.md for people, and NAME.parquet with all rows.

    Args:
        folder: exists.
        name: of the study.
        values: plain JSON values.
        text: Markdown.
        table: its rows; None for a study that has none.
    """
    if table is not None:
        from pyarrow import parquet

        parquet.write_table(table, folder / f"{name}.parquet")
    (folder / f"{name}.json").write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(text + "\n", encoding="utf-8")


def draw_study(folder: Path, pictures: Mapping[str, Callable[[], Figure]]) -> None:
    """Draws the pictures of a study, whose files are there whether or not they can be drawn.

    Args:
        folder: exists.
        pictures: names of files, and what draws each.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    require_matplotlib()
    for name, draw in pictures.items():
        save_figure(draw(), folder / name)
