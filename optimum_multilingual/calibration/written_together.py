"""Files that belong together appear together."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def written_together(folder: str | Path) -> Iterator[Path]:
    """Gives a folder to write files into, and moves them to where they belong only when all of them were written.

        with written_together("set/") as aside:
            write_rows(aside / ROWS_FILE)
            write_json(aside / MANIFEST_FILE, manifest)

    After an error the files that were there before are as they were, and a folder that was not there is not.

    Args:
        folder: where the files go; it is made where it is missing.

    Raises:
        OSError: nothing can be written there.
    """
    folder = Path(folder)
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        # Inside the folder, which may be a disk of its own; a rename must not cross disks.
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as aside:
            yield Path(aside)
            for path in Path(aside).iterdir():
                os.replace(path, folder / path.name)
    except BaseException:
        if new:
            with suppress(OSError):  # another process may have written there
                folder.rmdir()
        raise
