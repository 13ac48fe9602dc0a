"""From token scores to the report: pooled sums, ratios of sums, and their paired bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .calibration.calibration_set import Manifest
from .config import EvaluationConfig
from .evaluation.bootstrap import percentile_interval, resample_sums
from .evaluation.evaluator import Evaluation, Measurement
from .languages import Language
from .report import Divergence, Estimate, LanguageScore, ModelScore, MultilingualReport

TOKENS, BYTES, REFERENCE, QUANTIZED, KL, AGREE = range(6)


def make_report(
    measured: Mapping[Language, Measurement],
    evaluation: Evaluation,
    setting: dict[str, Any],
    calibration: Manifest | None,
) -> MultilingualReport:
    """Turns the measurements of all languages into a report.

    Args:
        measured: of each language.
        evaluation: the text they were made on.
        setting: how the model was quantized and with which kernel it was measured.
        calibration: manifest of the calibration set.
    """
    settings = evaluation.settings
    scores = tuple(score_language(language, of_it, settings) for language, of_it in measured.items())
    described = {
        "corpus": evaluation.corpus,
        "bootstrap_draws": settings.bootstrap_draws,
        "confidence": settings.confidence,
        "seed": settings.seed,
    }
    return MultilingualReport(scores, setting, described, None if calibration is None else calibration.provenance)


@np.errstate(invalid="ignore")  # a broken model's scores may be infinite; the report says so, numpy need not
def score_language(language: Language, measured: Measurement, settings: EvaluationConfig) -> LanguageScore:
    """Scores one language: every measure is a ratio of sums over documents, resampled together.

    Source: perplexity and bits per byte as in lm-evaluation-harness (`bits_per_byte`), divergence statistics as in
    llama.cpp's `--kl-divergence`.
    """
    per_document = _sums_of_documents(measured)
    total = per_document.sum(axis=0)
    seed = [settings.seed, int.from_bytes(language.tag.encode(), "big")]
    draws = resample_sums(per_document, settings.bootstrap_draws, seed)

    def estimate(ratio: Any) -> Estimate:
        return Estimate(float(ratio(total)), *percentile_interval(ratio(draws.T), settings.confidence))

    quantiles = np.quantile(measured.kl, [0.5, 0.9, 0.95, 0.99, 0.999, 1.0]).tolist()
    return LanguageScore(
        language=language.tag,
        documents=len(per_document),
        tokens=int(total[TOKENS]),
        num_bytes=int(total[BYTES]),
        reference=_model_score(total, REFERENCE),
        quantized=_model_score(total, QUANTIZED),
        nll_change=estimate(lambda s: (s[QUANTIZED] - s[REFERENCE]) / s[TOKENS]),
        bits_per_byte_change=estimate(lambda s: (s[QUANTIZED] - s[REFERENCE]) / s[BYTES] / math.log(2)),
        relative_change=estimate(lambda s: s[QUANTIZED] / s[REFERENCE] - 1),
        kl=Divergence(estimate(lambda s: s[KL] / s[TOKENS]), *quantiles),
        top1_agreement=estimate(lambda s: s[AGREE] / s[TOKENS]),
    )


def _sums_of_documents(measured: Measurement) -> np.ndarray:
    """Sums of every measure over each document's tokens, shape [documents, 6]."""
    documents = len(measured.num_bytes)
    columns = (None, None, measured.reference_nll, measured.quantized_nll, measured.kl, measured.agree)
    sums = np.stack([np.bincount(measured.document, weights, documents) for weights in columns], axis=1)
    sums[:, BYTES] = measured.num_bytes
    return sums


def _model_score(total: np.ndarray, column: int) -> ModelScore:
    nll = float(total[column] / total[TOKENS])
    perplexity = math.inf if nll > 700 else math.exp(nll)
    return ModelScore(nll, perplexity, float(total[column] / total[BYTES] / math.log(2)))
