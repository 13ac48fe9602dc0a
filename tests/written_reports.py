"""Reports written by hand, number by number."""

from __future__ import annotations

import dataclasses
import math

from optimum_multilingual import MultilingualReport
from optimum_multilingual.report.scores import (
    Collapse,
    Divergence,
    Estimate,
    GoldChange,
    GroupScore,
    LanguageScore,
    ModelScore,
    Significance,
    TokenErrors,
)

EVALUATION = {
    "corpus": {"kind": "embedded"},
    "bootstrap_draws": 1000,
    "confidence": 0.95,
    "seed": 0,
    "noise_floor": 2e-5,
    "sequence_length": 512,
}


def score(
    language: str, change: float = 0.02, width: float = 0.01, kl: float = 0.05, nll: float = 2.0
) -> LanguageScore:
    def about(value: float) -> Estimate:
        return Estimate(value, value - width, value + width)

    return LanguageScore(
        language=language,
        documents=24,
        tokens=12_345,
        num_bytes=54_321,
        num_characters=43_210,
        reference=model_score(nll),
        quantized=model_score(nll * (1 + change)),
        nll_change=about(nll * change),
        bits_per_byte_change=about(nll / 3 * change),
        relative_change=about(change),
        significance=Significance(width / 2, 1e-4, 1e-3, True),
        kl=Divergence(about(kl), about(kl / 3), kl / 2, 2 * kl, 3 * kl, 4 * kl, 5 * kl, 6 * kl),
        reverse_kl=Divergence(about(kl), about(kl / 3), kl / 2, 2 * kl, 3 * kl, 4 * kl, 5 * kl, 6 * kl),
        gold=GoldChange(about(-nll * change), -5.0, -3.0, -1.0, 0.0, 1.0, 2.0, 0.04),
        top1_agreement=about(0.9),
        top5_overlap=about(0.8),
        collapse=Collapse(1.0, 1 / 24, ("sw.txt:7",)),
        token_errors=TokenErrors(0.1, 0.2, 0.001, 0.002, 0.003),
    )


def model_score(nll: float) -> ModelScore:
    return ModelScore(nll, math.exp(nll), nll / 3, nll / 2, nll * 500)


def group(scores) -> GroupScore:
    tags = tuple(score.language for score in scores if score.verdict != "broken")
    return GroupScore(
        "all", "all", tags, Estimate(0.05, 0.04, 0.06), Estimate(0.1, 0.09, 0.11), Estimate(0.9, 0.8, 1.0)
    )


def broken(language: str, change: float = math.nan) -> LanguageScore:
    spoilt = Estimate(change, math.nan, math.nan)
    return dataclasses.replace(
        score(language),
        quantized=model_score(math.nan),
        nll_change=spoilt,
        bits_per_byte_change=spoilt,
        relative_change=spoilt,
    )


def report_of(*scores: LanguageScore, **changes) -> MultilingualReport:
    values = {
        "scores": scores,
        "groups": (group(scores),),
        "setting": {"model": "tiny", "method": "gptq", "bits": 4, "group_size": None, "kernel": "Torch"},
        "evaluation": EVALUATION,
        "calibration": {"fingerprint": "ab", "rows": {"eng_Latn": 4}},
    }
    return MultilingualReport(**{**values, **changes})
