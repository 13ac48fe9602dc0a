"""Folders that appear whole: written aside, then moved into place."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from .errors import CheckpointError


@contextmanager
def written_aside(target: Path, last: str, belongs: Callable[[str], bool] = lambda name: False) -> Iterator[Path]:
    """Gives a folder to write into, and moves it into place only when everything was written.

        with written_aside(Path("model"), "config.json", is_checkpoint_file) as folder:
            save_everything(folder)               # in .model.partial-x1y2z3, beside a new target or inside an old one

    A new target appears by one rename: after an error or a kill it does not exist. In a target that exists, its old files
    of this kind are moved out first, beginning with `last`, without which nothing loads; after an error they are put back. A
    kill during this exchange, which moves files and writes none, leaves a folder that does not load.

    Args:
        target: the folder to write.
        last: the file by which loaders know the folder.
        belongs: whether an old file of this name, which none of the new has, is to make way too, because it would be
            mistaken for one of them.

    Raises:
        CheckpointError: the target is a file, or it cannot be written.
    """
    if target.is_file():
        raise CheckpointError(f"{target} is a file, and a folder is to be written; give another path.")
    try:
        # Inside a target that exists, which may be a disk of its own; a rename must not cross disks.
        place = target if target.exists() else target.parent
        place.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=place))
    except OSError as error:
        raise CheckpointError(f"Nothing can be written in {target} ({error}); give another path.") from error
    try:
        yield folder
        if target.exists():
            _exchange(folder, target, last, belongs)
        else:
            folder.chmod(0o777 & ~_umask())
            os.replace(folder, target)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{target} could not be written ({error}); {target.name} is as it was before. Free some space or give another path, "
            "and save again."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _exchange(folder: Path, target: Path, last: str, belongs: Callable[[str], bool]) -> None:
    new = sorted((path.name for path in folder.iterdir()), key=lambda name: name == last)
    leaving = [path.name for path in target.iterdir() if path.is_file() and (path.name in new or belongs(path.name))]
    old = Path(tempfile.mkdtemp(prefix="old-", dir=folder))
    moved: list[tuple[Path, Path]] = []
    moves = [(target / name, old / name) for name in sorted(leaving, key=lambda name: name != last)]
    moves += [(folder / name, target / name) for name in new]
    try:
        for source, destination in moves:
            os.replace(source, destination)
            moved.append((source, destination))
    except BaseException:  # an interrupt too: what was moved out would go with the folder it was moved to
        for source, destination in reversed(moved):
            os.replace(destination, source)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
