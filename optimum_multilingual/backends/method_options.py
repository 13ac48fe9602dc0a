"""Options that only one method has: what each may be, as data, and the refusal of anything else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError


@dataclass(frozen=True)
class Choice:
    """One of a few values.

    >>> str(Choice((True, False)))
    'True or False'
    """

    values: tuple[Any, ...]

    def allows(self, value: Any) -> bool:
        """Whether a value is one of them; 1 is not True."""
        return any(value == allowed and type(value) is type(allowed) for allowed in self.values)

    def __str__(self) -> str:
        return " or ".join(map(repr, self.values))


@dataclass(frozen=True)
class Number:
    """A number between two others, which belong to it.

    >>> str(Number(0, 1))
    'a number from 0 to 1'
    """

    low: float
    high: float = math.inf
    whole: bool = False

    def allows(self, value: Any) -> bool:
        """Whether a value is such a number."""
        kinds: Any = int if self.whole else int | float
        return isinstance(value, kinds) and not isinstance(value, bool) and self.low <= value <= self.high

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        return (
            f"{kind} of at least {self.low:g}"
            if self.high == math.inf
            else f"{kind} from {self.low:g} to {self.high:g}"
        )


@dataclass(frozen=True)
class ModuleNames:
    """A list of names of modules.

    >>> str(ModuleNames())
    'a list of names of modules'
    """

    def allows(self, value: Any) -> bool:
        """Whether a value is a list of strings."""
        return isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)

    def __str__(self) -> str:
        return "a list of names of modules"


@dataclass(frozen=True)
class Option:
    """One option of one method.

        >>> Option("smoothing_strength", 0.8, Number(0, 1), "how much of the range of activations moves into the weights")

    Args:
        name: as in `method_options`.
        default: its value where none is given.
        allowed: what it may be.
        meaning: what it does, in half a sentence.
    """

    name: str
    default: Any
    allowed: Choice | Number | ModuleNames
    meaning: str


def read_options(title: str, options: tuple[Option, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every option: what was given, or the default.

    Args:
        title: of the method and its engine, for messages.
        options: those there are.
        given: `method_options` of the configuration.

    Raises:
        ConfigError: an unknown option, or a value it cannot have.
    """
    known = {option.name: option for option in options}
    for name, value in given.items():
        if name not in known:
            names = f"has {', '.join(sorted(known))}" if known else "has no options"
            raise ConfigError(f"{title} has no option {name!r}; it {names}.")
        if not known[name].allowed.allows(value):
            raise ConfigError(f"{title} cannot do {name}={value!r}; {name} must be {known[name].allowed}.")
    return {name: given.get(name, option.default) for name, option in known.items()}
