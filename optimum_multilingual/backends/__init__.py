"""Quantization engines, one file each, all with the same face.

gptq    Transformers' GPTQConfig -> Optimum -> GPTQModel
"""

from __future__ import annotations

import difflib
import importlib

from ..config import MultilingualCalibrationConfig
from ..errors import ConfigError
from .base import Backend

__all__ = ["BACKENDS", "Backend", "find_backend"]

# Method -> "module:class", loaded on first use, so that no engine is imported before it is asked for.
BACKENDS = {"gptq": "gptq:GPTQBackend"}


def find_backend(config: MultilingualCalibrationConfig) -> Backend:
    """The engine for a config's method, given by name or by an upstream config object.

    Raises:
        ConfigError: no engine does this method, or a setting it cannot do.
        MissingPackageError: the engine's packages are not installed.
    """
    method = config.method if isinstance(config.method, str) else config.method.quant_method
    name = str(getattr(method, "value", method)).lower()
    if name not in BACKENDS:
        nearest = difflib.get_close_matches(name, BACKENDS, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise ConfigError(f"There is no quantization method {name!r}.{hint} Methods are {', '.join(sorted(BACKENDS))}.")
    module, attribute = BACKENDS[name].split(":")
    backend = getattr(importlib.import_module(f".{module}", __name__), attribute)
    return backend(config)
