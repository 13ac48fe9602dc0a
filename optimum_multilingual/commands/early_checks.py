"""What a verb refuses before any work is done: places it cannot write, devices that are not there, options it does not read."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from ..errors import CheckpointError, ConfigError
from ..model_checks import PLACEMENTS
from ..report.output_files import require_writable


def require_free_folder(path: str) -> Path:
    """Refuses an output folder that already holds something or cannot be made, before any work is done.

    Raises:
        CheckpointError: it does, or cannot.
    """
    folder = Path(path)
    # Path.exists would raise where a parent may not be entered.
    place = next(each for each in (folder, *folder.absolute().parents) if os.access(each, os.F_OK))
    if place == folder and not folder.is_dir():
        raise CheckpointError(f"--output {folder} is a file; give a new folder.")
    if place == folder and any(folder.iterdir()):
        raise CheckpointError(
            f"--output {folder} exists and is not empty; give a new folder, or remove this one first."
        )
    _require_open(path, place)
    return folder


def require_free_file(path: str, what: str, endings: tuple[str, ...]) -> None:
    """Refuses an output file that exists already, or that cannot be written, before any work is done.

    Args:
        path: of the file to be.
        what: is written, for the message.
        endings: of the forms it can have.

    Raises:
        ConfigError: it exists, it ends otherwise, or its folder does not exist.
        CheckpointError: its folder is a file, or nothing can be written in it.
    """
    parent = Path(path).resolve().parent
    if os.access(parent, os.F_OK):
        _require_open(path, parent)
    require_writable(Path(path), endings, what)
    if Path(path).exists():
        raise ConfigError(f"--output {path} exists; give another name, or remove it first.")


def _require_open(path: str, place: Path) -> None:
    if not place.is_dir():
        raise CheckpointError(
            f"--output {path} lies in {place}, which is a file; give a path whose folders can be made."
        )
    if not os.access(place, os.W_OK | os.X_OK):
        raise CheckpointError(
            f"--output {path} lies in {place}, where this user may not write; give another path, or change its permissions."
        )


def device_map_from(args: Namespace) -> str | None:
    """What `--device-map` says, once it is sure that from_pretrained understands it and that the device is here.

    Raises:
        ConfigError: it names no device, or one that this machine lacks.
    """
    given: str | None = args.device_map
    if given is None or given in PLACEMENTS:
        return given

    import torch

    counts = _device_counts()
    here = ", ".join(f"{kind}:{place}" if kind != "cpu" else kind for kind in counts for place in range(counts[kind]))
    try:
        device = torch.device(given)
    except RuntimeError:
        raise ConfigError(
            f"--device-map {given} names no device; give {', '.join(PLACEMENTS)}, or one of this machine: {here}."
        ) from None
    if (device.index or 0) >= counts.get(device.type, 0):
        raise ConfigError(f"--device-map {given} is not on this machine, which has {here}; give one of these, or auto.")
    return given


def _device_counts() -> dict[str, int]:
    import torch

    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return {"cpu": 1} if found is None else {"cpu": 1, found.type: torch.accelerator.device_count()}


def refuse_unused(
    args: Namespace, groups: Sequence[Callable[[ArgumentParser], None]], why: str, used: Collection[str] = ()
) -> None:
    """Refuses options of a verb that this use of it does not read.

        >>> refuse_unused(args, [add_evaluation], "--no-evaluation measures nothing")
        ConfigError: --no-evaluation measures nothing, so --tasks would do nothing; leave that out.

    Args:
        args: as the verb parsed them.
        groups: what added the options.
        why: nothing reads them, for the message.
        used: names of options of the groups that are read all the same.

    Raises:
        ConfigError: one was given, and not with its default value.
    """
    parser = ArgumentParser(add_help=False)
    for add in groups:
        add(parser)
    defaults = vars(parser.parse_args([]))
    given = [name for name, default in defaults.items() if name not in used and getattr(args, name) != default]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ConfigError(f"{why}, so {options} would do nothing; leave that out.")
