"""From token scores to the report: pooled sums, ratios of sums, their paired bootstrap intervals, and verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..calibration.calibration_set import Manifest
from ..config import EvaluationConfig
from ..evaluation.downstream import Answers, Task
from ..evaluation.evaluator import Evaluation, Measurement
from ..evaluation.experts import Counts
from ..languages import Language
from .expert_loads import expert_loads
from .groups import score_groups
from .multilingual_report import MultilingualReport
from .pooling import Column, Pooled, pool
from .scores import Collapse, Divergence, Estimate, GoldChange, LanguageScore, ModelScore, Significance, TokenErrors
from .significance import correct_for_many, p_value, ratio_error
from .task_scores import score_tasks

GOLD_QUANTILES = {"p001": 0.001, "p01": 0.01, "p05": 0.05, "median": 0.5, "p95": 0.95, "p99": 0.99}


def make_report(
    measured: Mapping[Language, Measurement],
    evaluation: Evaluation,
    setting: dict[str, Any],
    calibration: Manifest | None,
    noise_floor: float | None = None,
    tasks: Sequence[tuple[Task, Answers, Answers]] = (),
    experts: Mapping[Language, Counts] | None = None,
) -> MultilingualReport:
    """Turns the measurements of all languages into a report.

    Args:
        measured: of each language.
        evaluation: the text they were made on.
        setting: how the model was quantized and with which kernel it was measured.
        calibration: manifest of the calibration set.
        noise_floor: relative change that rounding alone makes; no verdict is given below it. None where it was not
            measured.
        tasks: downstream tasks that were run, each with the answers before and after.
        experts: tokens of each language at each expert of each layer, before.
    """
    settings = evaluation.settings
    pooled = {language: pool(language, of_it, settings) for language, of_it in measured.items()}
    scores = [score_language(pooled[language], of_it, settings) for language, of_it in measured.items()]
    scores = correct_for_many(scores, settings.confidence, noise_floor)
    described = {
        "corpus": evaluation.corpus,
        "bootstrap_draws": settings.bootstrap_draws,
        "confidence": settings.confidence,
        "seed": settings.seed,
        "sequence_length": settings.sequence_length,
        "stride": settings.stride,
        "tokens_per_language": settings.tokens_per_language,
        "batch_tokens": settings.batch_tokens,
        "noise_floor": noise_floor,
    }
    groups = score_groups(scores, pooled, settings.confidence)
    provenance = None if calibration is None else calibration.provenance
    return MultilingualReport(
        tuple(scores),
        groups,
        setting,
        described,
        provenance,
        score_tasks(tasks, settings.confidence),
        experts=expert_loads(experts or {}),
    )


@np.errstate(invalid="ignore", over="ignore")  # a broken model's scores may be infinite; the report says so
def score_language(pooled: Pooled, measured: Measurement, settings: EvaluationConfig) -> LanguageScore:
    """Scores one language: every measure is a ratio of sums over documents, resampled together.

    Its significance is that of a language measured alone; see `correct_for_many`.

    Source: perplexity and bits per byte as in lm-evaluation-harness (`bits_per_byte`), divergence statistics as in
    llama.cpp's `--kl-divergence`.
    """
    total, estimate = pooled.total, pooled.estimate
    change = estimate(lambda s: s[Column.QUANTIZED] / s[Column.REFERENCE] - 1)
    per_document = pooled.per_document.T
    error = ratio_error(per_document[Column.QUANTIZED], per_document[Column.REFERENCE])
    p = p_value(change.value, error, len(pooled.per_document))
    return LanguageScore(
        language=pooled.language.tag,
        documents=len(pooled.per_document),
        tokens=int(total[Column.TOKENS]),
        num_bytes=int(total[Column.BYTES]),
        num_characters=int(total[Column.CHARACTERS]),
        reference=_model_score(total, Column.REFERENCE),
        quantized=_model_score(total, Column.QUANTIZED),
        nll_change=estimate(lambda s: (s[Column.QUANTIZED] - s[Column.REFERENCE]) / s[Column.TOKENS]),
        bits_per_byte_change=estimate(
            lambda s: (s[Column.QUANTIZED] - s[Column.REFERENCE]) / s[Column.BYTES] / math.log(2)
        ),
        relative_change=change,
        significance=Significance(error, p, p, p < 1 - settings.confidence),
        kl=_divergence(pooled, Column.KL, measured.kl),
        reverse_kl=_divergence(pooled, Column.REVERSE_KL, measured.reverse_kl),
        gold=_gold_change(pooled, measured),
        top1_agreement=estimate(lambda s: s[Column.AGREE] / s[Column.TOKENS]),
        top5_overlap=estimate(lambda s: s[Column.OVERLAP] / s[Column.TOKENS]),
        collapse=_collapse(per_document, measured.documents, settings.collapse_threshold),
        token_errors=_token_errors(measured),
    )


def _model_score(total: np.ndarray, column: int) -> ModelScore:
    nll, bits = float(total[column] / total[Column.TOKENS]), float(total[column] / math.log(2))
    perplexity = math.inf if nll > 700 else math.exp(nll)
    by_unit = (float(bits / total[unit]) for unit in (Column.BYTES, Column.CHARACTERS, Column.DOCUMENTS))
    return ModelScore(nll, perplexity, *by_unit)


def _divergence(pooled: Pooled, column: int, of_tokens: np.ndarray) -> Divergence:
    return Divergence(
        pooled.estimate(lambda s: s[column] / s[Column.TOKENS]),
        pooled.estimate(lambda s: s[column] / s[Column.BYTES]),
        *np.quantile(of_tokens, [0.5, 0.9, 0.95, 0.99, 0.999, 1.0]).tolist(),
    )


def _gold_change(pooled: Pooled, measured: Measurement) -> GoldChange:
    change = measured.reference_nll - measured.quantized_nll
    probability_change = np.exp(-measured.quantized_nll) - np.exp(-measured.reference_nll)
    mean: Estimate = pooled.estimate(lambda s: (s[Column.REFERENCE] - s[Column.QUANTIZED]) / s[Column.TOKENS])
    quantiles = np.quantile(change, list(GOLD_QUANTILES.values())).tolist()
    rms = float(np.sqrt(np.square(probability_change).mean()))
    return GoldChange(mean=mean, probability_rms=rms, **dict(zip(GOLD_QUANTILES, quantiles, strict=True)))


def _collapse(per_document: np.ndarray, ids: Sequence[str], threshold: float) -> Collapse:
    tokens = per_document[Column.TOKENS]
    rise = (per_document[Column.QUANTIZED] - per_document[Column.REFERENCE]) / tokens
    # A document whose loss is no number collapsed too.
    collapsed = np.flatnonzero(~(rise <= threshold))
    worst_first = collapsed[np.argsort(-rise[collapsed], kind="stable")]
    return Collapse(threshold, len(collapsed) / len(ids), tuple(ids[place] for place in worst_first))


def _token_errors(measured: Measurement) -> TokenErrors:
    def of_mean(values: np.ndarray) -> float:
        return float(np.sqrt(values.var(dtype=np.float64) / (len(values) - 1))) if len(values) > 1 else math.nan

    reference, quantized = measured.reference_nll, measured.quantized_nll
    return TokenErrors(
        reference_perplexity=float(np.exp(reference.mean(dtype=np.float64))) * of_mean(reference),
        quantized_perplexity=float(np.exp(quantized.mean(dtype=np.float64))) * of_mean(quantized),
        nll_change=of_mean(quantized.astype(np.float64) - reference),
        kl=of_mean(measured.kl),
        top1_agreement=of_mean(measured.agree),
    )
