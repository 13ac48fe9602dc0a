"""Dataclasses of numbers as plain JSON values, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from functools import lru_cache
from typing import Any, get_args, get_origin, get_type_hints


def to_plain(value: Any) -> Any:
    """A dataclass, or a mapping or sequence that holds some, as JSON values; numbers that are not finite become None.

    >>> to_plain(Estimate(0.5, math.nan, math.inf))
    {'value': 0.5, 'low': None, 'high': None}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return to_plain(asdict(value))
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [to_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_plain(kind: Any, value: Any) -> Any:
    """Reads back what `to_plain` wrote; a number that is None becomes NaN, and keys that a dataclass lacks are passed over.

    >>> from_plain(Estimate, {"value": 0.5, "low": None, "high": None})
    Estimate(value=0.5, low=nan, high=nan)

    Args:
        kind: a dataclass of numbers, strings, tuples and other such dataclasses.
        value: its JSON values.

    Raises:
        KeyError: a field is missing.
        TypeError: a value is of another type than its field.
    """
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{item.name: from_plain(hints[item.name], value[item.name]) for item in fields(kind)})
    if get_origin(kind) is tuple:
        return tuple(from_plain(get_args(kind)[0], item) for item in value)
    if kind is float:
        return math.nan if value is None else float(value)
    if isinstance(kind, type) and not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


@lru_cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
