"""The face of every quantization engine."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Protocol

from ..calibration.calibration_set import CalibrationSet
from ..config import MultilingualCalibrationConfig
from ..errors import MissingPackageError


class Backend(Protocol):
    """One quantization engine, set up for one configuration.

        backend = find_backend(config)       settings and packages are checked here
        backend.check_model(model)           on the meta device, before any weight is loaded
        backend.quantize(model, rows)        in place; leaves upstream's own config and quantizer on the model
        with backend.checkpoint(model): ...  while files are written

    Args:
        config: the user's configuration.
    """

    def __init__(self, config: MultilingualCalibrationConfig) -> None: ...

    def check_model(self, model: Any) -> None:
        """Refuses a model the engine cannot quantize; its weights are not loaded yet.

        Raises:
            ModelError: says which layer or family, and what to do.
        """

    def quantize(self, model: Any, calibration_set: CalibrationSet) -> None:
        """Quantizes a loaded model in place."""

    def setting(self, model: Any) -> dict[str, Any]:
        """What the report says of a quantized model: method, bits, group size, kernel, type, device."""

    def versions(self) -> dict[str, str]:
        """The engine's packages and their versions, for the provenance of a checkpoint."""

    def checkpoint(self, model: Any) -> AbstractContextManager[None]:
        """Holds a quantized model in the form that is written to disk."""


def versions_of(packages: tuple[str, ...]) -> dict[str, str]:
    """The installed version of each package."""
    return {package: version(package) for package in packages}


def require_packages(method: str, extra: str, packages: tuple[str, ...]) -> None:
    """Checks that an engine's packages are there, without importing them.

    Raises:
        MissingPackageError: names them, with the exact pip line.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise MissingPackageError(
            f"The method {method!r} needs {' and '.join(missing)}, which is not installed. Run: "
            f'pip install "optimum-multilingual[{extra}]"'
        )
