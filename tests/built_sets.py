"""Small calibration sets, and texts to build them of."""

from __future__ import annotations

from optimum_multilingual import CalibrationSet, EvaluationConfig, MultilingualCalibrationConfig, build_calibration_set

# Evaluation text of its own leaves all of the calibration corpus to calibration.
WHOLE_CORPUS = EvaluationConfig(corpus="embedded")


def built(tokenizer, languages=("en", "sw", "zh"), max_length=None, **settings) -> CalibrationSet:
    config = MultilingualCalibrationConfig(languages=list(languages), **{"sequence_length": 32, **settings})
    return build_calibration_set(config, tokenizer, max_length)


def texts_of_1000_bytes(number: int) -> list[str]:
    return [f"{n} {'abcd ' * 250}"[:999] + "." for n in range(number)]


def texts(documents: int = 12) -> dict[str, list[str]]:
    return {
        "en": [f"The river was high in year {n}, and nobody crossed it before noon." for n in range(documents)],
        "sw": [f"Mto ulijaa mwaka wa {n}, na hakuna aliyevuka kabla ya adhuhuri." for n in range(documents)],
    }
