"""The face of every quantization engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

from ..calibration.calibration_set import CalibrationSet
from ..config import MultilingualCalibrationConfig
from .capability import Capability


class Backend(ABC):
    """One quantization engine, set up for one configuration.

        backend = find_backend(config)       settings and packages are checked here
        backend.check_model(model)           on the meta device, before any weight is loaded
        backend.quantize(model, rows)        in place; leaves upstream's own config and quantizer on the model
        with backend.checkpoint(model):      while files are written
            backend.save(model, folder)

    An engine is one file with one subclass, and one line in `ENGINES`. It imports its library inside functions.

    Args:
        config: the user's configuration; settings that the capability names are checked already.
        capability: the method asked for, one of `capabilities`.
    """

    capabilities: ClassVar[tuple[Capability, ...]]

    # How many times hidden states of all calibration rows are on the model's device at once, at the least that is known.
    rows_held: ClassVar[int] = 0

    def __init__(self, config: MultilingualCalibrationConfig, capability: Capability):
        self.config = config
        self.capability = capability

    @classmethod
    def method_of(cls, upstream: Any) -> str | None:
        """The method an upstream config object stands for; None where it is not of this engine."""
        names = [each.method for each in cls.capabilities if each.upstream == type(upstream).__name__]
        assert len(names) < 2, "an upstream class that stands for several methods is read by the engine itself"
        return names[0] if names else None

    def check_model(self, model: Any) -> None:
        """Refuses a model the engine cannot quantize; its weights are not loaded yet.

        Raises:
            ModelError: says which layer, family or type, and what to do.
        """
        self.capability.check_dtype(model)

    @abstractmethod
    def quantize(self, model: Any, calibration_set: CalibrationSet | None) -> None:
        """Quantizes a loaded model in place; the set is None where the method needs none."""

    @abstractmethod
    def details(self, model: Any) -> dict[str, Any]:
        """What the report says of the quantized weights: bits, group size, format, kernel and the like."""

    def setting(self, model: Any) -> dict[str, Any]:
        """What the report says of a quantized model: method, engine, details, type, device."""
        return {
            "method": self.capability.method,
            "engine": self.capability.engine,
            **self.details(model),
            "dtype": str(model.dtype).removeprefix("torch."),
            "device": model.device.type,
        }

    def running(self) -> AbstractContextManager[None]:
        """Around the measuring of a quantized model, for engines that say the same in every pass."""
        return nullcontext()

    def checkpoint(self, model: Any) -> AbstractContextManager[None]:
        """Holds a quantized model in the form that is written to disk."""
        return nullcontext()

    def save(self, model: Any, folder: Path, **options: Any) -> None:
        """Writes the checkpoint; `options` are those of Transformers' `save_pretrained`."""
        type(model).save_pretrained(model, folder, **options)
