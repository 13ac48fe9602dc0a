"""Before an engine runs: whether the calibration rows cover the languages that are measured but not calibrated on."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from ..backends.layer_checks import fused_experts
from ..calibration.calibration_set import CalibrationSet
from ..evaluation.activation_ranges import Ranges, calibration_ranges, exceeding, share_by_chance
from ..evaluation.evaluator import Evaluation, Reference
from ..evaluation.processes import Processes
from ..languages import Language
from .coverage import Coverage, coverage_warnings, hidden_by_chance, rows_are_few

logger = logging.getLogger(__name__)


def measures_others(evaluation: Evaluation, calibration_set: CalibrationSet | None) -> bool:
    """Whether a language is measured that the calibration rows hold nothing of; only then is there something to warn about."""
    return calibration_set is not None and not set(evaluation.windows) <= set(calibration_set.languages)


def check_coverage(
    model: Any, calibration_set: CalibrationSet | None, evaluation: Evaluation, reference: Reference
) -> tuple[Coverage, ...]:
    """Runs the calibration rows once, holds the activations of every language against theirs, and warns.

    Processes that were launched together share the rows, and each gets the coverage of all languages.

    Args:
        model: before quantization.
        calibration_set: the rows that the engine will get.
        evaluation: the text that the reference was scored on.
        reference: of a pass that watched ranges.

    Returns:
        Of every language; nothing where no linear layer sees every token, which a warning says.

    Raises:
        ProcessError: another process failed.
    """
    assert calibration_set is not None, "there are no rows to hold languages against"
    tokens = {
        language: sum(len(window.targets) for window in windows) for language, windows in evaluation.windows.items()
    }
    rows, is_main = (
        calibration_ranges(model, calibration_set, evaluation.settings.batch_tokens),
        Processes.current().is_main,
    )
    if not rows:
        if is_main:
            logger.warning("No linear layer sees every token, so languages are not held against the calibration rows.")
        return ()
    if is_main and fused_experts(model):
        logger.warning(
            "Activations of experts are not held against the calibration rows, since no expert sees every token."
        )
    row_tokens = len(calibration_set) * calibration_set.manifest.sequence_length
    coverage = coverage_of(reference.ranges, tokens, rows, row_tokens, calibration_set.languages)
    if is_main:
        for warning in coverage_warnings(coverage):
            logger.warning("%s.", warning)
        if hidden_by_chance(coverage):
            logger.warning("%s.", rows_are_few(coverage))
    return coverage


def coverage_of(
    ranges: Mapping[Language, Ranges],
    tokens: Mapping[Language, int],
    calibration: Ranges,
    calibration_tokens: int,
    calibrated: Collection[Language],
) -> tuple[Coverage, ...]:
    """Compares the ranges of every language with those of the calibration rows.

    Args:
        ranges: of the held-out text of each language.
        tokens: of that text.
        calibration: of all calibration rows.
        calibration_tokens: of them.
        calibrated: languages of the calibration rows.
    """
    found = []
    for language, of_it in ranges.items():
        beyond = exceeding(of_it, calibration)
        found.append(
            Coverage(
                language.tag,
                language in calibrated,
                channels=sum(len(channels) for channels in beyond.values()),
                exceeding=sum(int(channels.sum()) for channels in beyond.values()),
                by_chance=share_by_chance(tokens[language], calibration_tokens),
            )
        )
    return tuple(found)
