"""Versions of the report as JSON: those of older ones are brought up to today's, one step at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import CheckpointError

SCHEMA_VERSION = 1

# Version -> what makes the values of the next version of its values. Whoever raises SCHEMA_VERSION adds the step from the
# version before, so that every report that was ever published can be read. Keys that are new and may be empty need no step:
# readers take their absence for emptiness.
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def upgraded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a report of any older version as those of today's.

        version 1 -> UPGRADES[1] -> version 2 -> UPGRADES[2] -> ... -> SCHEMA_VERSION

    Args:
        values: as they were read; they are not changed.

    Raises:
        KeyError: they name no version, so they are no report.
        CheckpointError: a newer version of this package wrote them, or no version at all.
    """
    version = values["schema_version"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise CheckpointError(f"{version!r} is no schema version of a report; they are numbers from 1.")
    if version > SCHEMA_VERSION:
        raise CheckpointError(
            f"The report has schema version {version}, and this version of optimum-multilingual reads up to {SCHEMA_VERSION}. "
            "Run: pip install --upgrade optimum-multilingual"
        )
    current = dict(values)
    for step in range(version, SCHEMA_VERSION):
        current = {**UPGRADES[step](current), "schema_version": step + 1}
    return current
