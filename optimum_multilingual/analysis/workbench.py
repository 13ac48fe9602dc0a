"""One model in memory whose reference is scored once, and copies of it that are quantized and measured."""

from __future__ import annotations

import copy
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..backends import Backend, find_backend
from ..calibration.calibration_set import CalibrationSet
from ..checkpoint import setting_of
from ..config import MultilingualCalibrationConfig
from ..errors import ConfigError
from ..evaluation.evaluator import Evaluation, Measurement, Reference, run_quantized, run_reference
from ..evaluation.processes import Processes, unseen_processes
from ..languages import Language
from ..model_checks import require_in_memory, require_one_device, require_text_only
from ..report.measures import make_report
from ..report.multilingual_report import MultilingualReport
from ..report.pooling import document_sums


def find_calibrated_backend(config: MultilingualCalibrationConfig) -> Backend:
    """The engine for a config's method, which a study can compare calibration sets with.

    Raises:
        ConfigError: the method reads no text, so every calibration set would give the same model; or as `find_backend`.
        MissingPackageError: as `find_backend`.
    """
    backend = find_backend(config)
    if not backend.capability.needs_calibration:
        raise ConfigError(
            f"{backend.capability.name} reads no calibration text, so every calibration set gives the same model and there is "
            "nothing to compare; choose a method that reads text, such as 'gptq' (`methods` lists them)."
        )
    return backend


def quantize_everywhere(
    backend: Backend, model: Any, calibration_set: CalibrationSet | None, processes: Processes
) -> None:
    """Quantizes a model in place, in every process alike.

    Raises:
        ProcessError: another process failed.
    """

    def quantize() -> dict[Any, Any]:
        with unseen_processes():
            backend.quantize(model, calibration_set)
        return {}

    processes.together(quantize)
    # Rounding gives every process the same weights.
    if calibration_set is not None:
        processes.share_weights(model)


@dataclass(frozen=True)
class Measured:
    """One quantization: the report, and the sums of every document that later comparisons are paired by.

    Args:
        report: what each language lost.
        documents: tag -> sums of its documents, shape [documents, columns]; `report.pooling.Column` names the columns.
    """

    report: MultilingualReport
    documents: Mapping[str, np.ndarray]


@dataclass
class Workbench:
    """Quantizes and measures copies of one model, which stays as it is.

        reference ──── scored once ────────────┐
        model ──copy──> quantize(set 1) ──> compare ──> Measured
              ──copy──> quantize(set 2) ──> compare ──> Measured

    Model and one copy are in memory together.

    Args:
        model: the dense model, on one device.
        seconds: spent so far on "reference", "copying", "quantizing" and "evaluating".
        processes: those that quantize the same copies and share the measuring; without them this one waits for no other.

    Raises:
        ModelError: the model reads more than text, or lies on several devices or on disk.
    """

    model: Any
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    processes: Processes = field(default_factory=Processes)

    def __post_init__(self) -> None:
        require_text_only(self.model)
        placed = getattr(self.model, "hf_device_map", None)
        require_in_memory(placed)
        require_one_device(placed, "A study")

    def score(self, evaluation: Evaluation) -> Reference:
        """Scores the model as it is on some text."""
        with self._timed("reference"):
            return run_reference(self.model, evaluation, self.processes)

    def quantize(self, config: MultilingualCalibrationConfig, calibration_set: CalibrationSet) -> tuple[Any, Backend]:
        """A quantized copy, and the engine that made it.

        Raises:
            ConfigError, ModelError: the engine cannot do what the config asks, or not with this model.
        """
        backend = find_backend(config)
        backend.check_model(self.model)
        with self._timed("copying"):
            twin = copy.deepcopy(self.model)
        with self._timed("quantizing"):
            quantize_everywhere(backend, twin, calibration_set, self.processes)
        return twin, backend

    def compare(
        self, quantized: Any, backend: Backend, evaluation: Evaluation, reference: Reference
    ) -> dict[Language, Measurement]:
        """What a quantized copy does to the text that the reference was scored on, token by token."""
        with self._timed("evaluating"), backend.running():
            return run_quantized(quantized, evaluation, reference, self.processes)

    def measure(
        self,
        config: MultilingualCalibrationConfig,
        calibration_set: CalibrationSet,
        evaluation: Evaluation,
        reference: Reference,
    ) -> Measured:
        """Quantizes a copy with a calibration set and reports what each language lost."""
        quantized, backend = self.quantize(config, calibration_set)
        measured = self.compare(quantized, backend, evaluation, reference)
        setting = setting_of(quantized, backend)
        with self._timed("evaluating"):
            report = make_report(measured, evaluation, setting, calibration_set.manifest, reference.noise_floor)
        return Measured(report, {language.tag: document_sums(of_it) for language, of_it in measured.items()})

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] += time.perf_counter() - started
