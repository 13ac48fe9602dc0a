"""Checks and JSON forms that all configurations share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from .errors import ConfigError

MIN_SEQUENCE_LENGTH = 16


def plain(given: Any) -> Any:
    """A name, a path, or a mapping of paths as JSON values; anything else in memory as its type's name."""
    if isinstance(given, Path):
        # "./wikipedia" is a folder, "wikipedia" a corpus of the catalogue.
        return str(given) if given.is_absolute() or len(given.parts) > 1 else f"./{given}"
    if isinstance(given, str):
        return given
    if isinstance(given, Mapping) and all(isinstance(value, str | Path) for value in given.values()):
        return {str(language): str(path) for language, path in given.items()}
    return given if given is None else {"in_memory": type(given).__name__}


def from_known_keys(cls: Any, values: Mapping[str, Any]) -> Any:
    """Makes a dataclass of a mapping; an unknown key, or an object that was in memory, is a ConfigError."""
    known = {item.name for item in fields(cls)}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"{cls.__name__} has no setting {key!r}; it has {', '.join(sorted(known))}.")
        if isinstance(value, Mapping) and "in_memory" in value:
            raise ConfigError(f"{key} was a {value['in_memory']} in memory, which cannot be read back; give it again.")
    return cls(**values)


def require_int(name: str, value: Any, minimum: int) -> None:
    """Refuses what is no whole number, or one that is too small."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ConfigError(f"{name} must be a whole number of at least {minimum}, got {value!r}.")
