"""Main memory that is free for this process: the machine's, or what a container or a batch system leaves of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

# Where control groups are mounted, and the file that names those of this process.
MOUNT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


@dataclass(frozen=True)
class _Files:
    """What one version of cgroups calls its files."""

    limit: str
    used: str
    reclaimable: tuple[str, ...]


VERSION_1 = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_inactive_file", "total_active_file"))
VERSION_2 = _Files("memory.max", "memory.current", ("inactive_file", "active_file"))


def free_memory() -> float:
    """Bytes of main memory free for this one of the processes that share the machine (LOCAL_WORLD_SIZE).

        >>> free_memory() / 1e9
        14.2

    Cached files count as free, those in use too: weights are mapped from them, and the kernel drops them where room is needed.

    Source: the Linux kernel's cgroup-v2.rst and cgroup-v1/memory.rst.
    """
    free = min([psutil.virtual_memory().available, *_left_by_groups()])
    return max(0, free) / int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def _left_by_groups() -> Iterator[int]:
    """What each group leaves that this process is in; an unlimited one leaves more than there is, or is not told."""
    for root, group, files in _groups():
        for folder in (group, *group.parents):
            left = _left(root / folder, files)
            if left is not None:
                yield left


def _groups() -> Iterator[tuple[Path, Path, _Files]]:
    """Root, this process's group below it, and files; for both versions, which may be mounted side by side."""
    for line in (_text(OWN) or "").splitlines():
        _, controllers, group = line.split(":", 2)
        # Inside a container the group may be named from outside, and is then found at the root alone.
        if not controllers:
            yield MOUNT, Path(group.strip("/")), VERSION_2
        elif "memory" in controllers.split(","):
            yield MOUNT / "memory", Path(group.strip("/")), VERSION_1


def _left(folder: Path, files: _Files) -> int | None:
    limit, used = _number(_text(folder / files.limit)), _number(_text(folder / files.used))
    if limit is None or used is None:
        return None
    lines = [line.split() for line in (_text(folder / "memory.stat") or "").splitlines()]
    cached = sum(int(line[1]) for line in lines if line[0] in files.reclaimable)
    return limit - used + min(cached, used)


def _number(text: str | None) -> int | None:
    """None for "max" and for no file."""
    return int(text) if text and text.strip().isdigit() else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
