"""The files every study of cells leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow


def write_study(folder: Path, name: str, table: pyarrow.Table, values: Mapping[str, Any], text: str) -> None:
    """Writes NAME.parquet with all rows, NAME.json with what came out, and NAME.md for people.

    Args:
        folder: exists.
        name: of the study.
        table: its rows.
        values: plain JSON values.
        text: Markdown.
    """
    from pyarrow import parquet

    parquet.write_table(table, folder / f"{name}.parquet")
    (folder / f"{name}.json").write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(text + "\n", encoding="utf-8")
