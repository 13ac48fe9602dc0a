"""Quantization engines, one file each, all with the same face; `ENGINES` lists them, their capabilities say what each does."""

from __future__ import annotations

import difflib
import importlib

from ..config import MultilingualCalibrationConfig
from ..errors import ConfigError
from .base import Backend
from .capability import Capability

__all__ = ["ENGINES", "Backend", "Capability", "all_capabilities", "find_backend", "find_capability"]

# "module:class" of every engine. Of those that do a method, the first does it where none is named.
ENGINES = (
    "gptq:GPTQBackend",
    "bitsandbytes:BitsAndBytesBackend",
    "torchao:TorchAOBackend",
    "llmcompressor:LLMCompressorBackend",
    "auto_round:AutoRoundBackend",
    "gptqmodel:GPTQModelBackend",
    "quanto:QuantoBackend",
    "hqq:HQQBackend",
)


def load_engines() -> tuple[type[Backend], ...]:
    """The class of every engine; none imports its library."""
    places = [place.split(":") for place in ENGINES]
    return tuple(getattr(importlib.import_module(f".{module}", __name__), name) for module, name in places)


def all_capabilities() -> tuple[Capability, ...]:
    """What every engine does of every method."""
    return tuple(each for engine in load_engines() for each in engine.capabilities)


def find_capability(method: str | None, engine: str | None) -> Capability | None:
    """What an engine does of a method, as a checkpoint names the two; None where there is nothing of these names.

    >>> find_capability("nf4", "bitsandbytes").group_sizes
    (64,)
    """
    found = [each for each in all_capabilities() if (each.method, each.engine) == (method, engine)]
    return found[0] if found else None


def find_backend(config: MultilingualCalibrationConfig) -> Backend:
    """The engine for a config's method, given by name or by an upstream config object.

    Raises:
        ConfigError: no engine does this method, or a setting it cannot do.
        MissingPackageError: the engine's packages are not installed, or in versions that do not work.
    """
    named = isinstance(config.method, str)
    candidates = _by_name(config.method) if named else _by_upstream(config.method)
    capability, engine = _of_engine(candidates, config.engine)
    if named:
        capability.bits_of(config)
        capability.group_size_of(config)
        capability.options_of(config)
    capability.check_calibration(config)
    capability.require_packages()
    return engine(config, capability)


def _by_name(method: str) -> list[tuple[Capability, type[Backend]]]:
    every = [(each, engine) for engine in load_engines() for each in engine.capabilities]
    found = [(each, engine) for each, engine in every if each.method == method.lower()]
    if not found:
        names = sorted({each.method for each, _ in every})
        nearest = difflib.get_close_matches(method.lower(), names, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise ConfigError(f"There is no quantization method {method!r}.{hint} Methods are {', '.join(names)}.")
    return found


def _by_upstream(upstream: object) -> list[tuple[Capability, type[Backend]]]:
    found = [
        (each, engine)
        for engine in load_engines()
        if (method := engine.method_of(upstream)) is not None
        for each in engine.capabilities
        if each.method == method
    ]
    if not found:
        accepted = sorted({each.upstream for each in all_capabilities() if each.upstream})
        raise ConfigError(
            f"No engine here quantizes by an {type(upstream).__name__}; config objects that work are "
            f"{', '.join(accepted)}. Or name the method: {', '.join(sorted({each.method for each in all_capabilities()}))}."
        )
    return found


def _of_engine(
    candidates: list[tuple[Capability, type[Backend]]], engine: str | None
) -> tuple[Capability, type[Backend]]:
    if engine is None:
        return candidates[0]
    for capability, found in candidates:
        if capability.engine == engine.lower():
            return capability, found
    names = ", ".join(capability.engine for capability, _ in candidates)
    raise ConfigError(f"{candidates[0][0].method!r} is not done by engine={engine!r}; engines that do it: {names}.")
