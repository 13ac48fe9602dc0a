"""The calibration set that a config asks for, and the languages that are then measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..config import MultilingualCalibrationConfig
from ..errors import CalibrationSetError
from ..languages import Language
from .build import build_calibration_set
from .calibration_set import CalibrationSet
from .nonsense import NO_LANGUAGE
from .plan import check_length
from .rebuild import require_same_tokenizer


def calibration_set_of(config: MultilingualCalibrationConfig, tokenizer: Any, max_length: int | None) -> CalibrationSet:
    """The set a config asks for: the one it was given, loaded if it is a folder, or a new one.

    Raises:
        CalibrationSetError: a given set does not fit the model or the languages.
    """
    if config.calibration_set is None:
        return build_calibration_set(config, tokenizer, max_length)
    given = config.calibration_set
    calibration_set = given if isinstance(given, CalibrationSet) else CalibrationSet.load(given)
    check_length("The sequence_length of the calibration set", calibration_set.manifest.sequence_length, max_length)
    require_same_tokenizer(calibration_set.manifest, tokenizer)
    asked, held = set(config.resolved_languages), set(calibration_set.languages)
    if asked and asked != held:
        raise CalibrationSetError(
            f"languages are {_tags(asked)}, those of the calibration set {_tags(held)}. Leave languages out to take the "
            "set's own, build a set of these, or give evaluation.languages to measure others than were calibrated on."
        )
    return calibration_set


def languages_of(config: MultilingualCalibrationConfig, calibration_set: CalibrationSet | None) -> tuple[Language, ...]:
    """The languages to measure where the evaluation names none: those calibrated on, or asked for where nothing was.

    Raises:
        CalibrationSetError: the set is of no language.
    """
    languages = config.resolved_languages or (() if calibration_set is None else calibration_set.languages)
    if NO_LANGUAGE in languages:
        raise CalibrationSetError(
            "The calibration set holds no language, so nothing says which to measure; give "
            "EvaluationConfig(languages=['en', 'sw']) (--evaluation-languages), or evaluation=None."
        )
    return languages


def _tags(languages: Iterable[Language]) -> str:
    return ", ".join(sorted(language.tag for language in languages))
