"""Token scores made up of numbers, and statistics one token after the other."""

from __future__ import annotations

import math

import numpy as np

from optimum_multilingual import EvaluationConfig, MultilingualReport
from optimum_multilingual.evaluation.evaluator import Evaluation, Measurement
from optimum_multilingual.languages import find_language
from optimum_multilingual.report import measures
from optimum_multilingual.report.measures import make_report
from optimum_multilingual.report.pooling import pool

ENGLISH, SWAHILI, YORUBA = map(find_language, ("en", "sw", "yo"))
SETTINGS = EvaluationConfig(bootstrap_draws=500, seed=7, sequence_length=64)
NO_NOISE = {"noise_floor": None, "sequence_length": 64}
TOKENS_OF_DOCUMENTS = [1, 40, 7, 113, 64, 30, 90, 55, 12, 200]


def measurement(
    reference_nll: np.ndarray,
    quantized_nll: np.ndarray,
    tokens_of_documents: list[int],
    kl: np.ndarray | None = None,
    agree: np.ndarray | None = None,
    **columns: np.ndarray,
) -> Measurement:
    """A measurement of documents whose text has 4 bytes a token and one more, 3 characters a token and one more."""
    tokens = len(reference_nll)
    return Measurement(
        document=np.repeat(np.arange(len(tokens_of_documents)), tokens_of_documents),
        reference_nll=reference_nll,
        quantized_nll=quantized_nll,
        kl=np.full(tokens, 0.01) if kl is None else kl,
        reverse_kl=columns.get("reverse_kl", np.full(tokens, 0.02)),
        agree=np.ones(tokens, dtype=bool) if agree is None else agree,
        overlap=columns.get("overlap", np.ones(tokens)),
        documents=tuple(f"text:{number}" for number in range(len(tokens_of_documents))),
        num_bytes=4 * np.array(tokens_of_documents) + 1,
        num_characters=3 * np.array(tokens_of_documents) + 1,
    )


def score_language(language, measured: Measurement, settings: EvaluationConfig):
    return measures.score_language(pool(language, measured, settings), measured, settings)


def changed_by(mean: float, spread: float, seed: int = 0) -> Measurement:
    """40 documents of 25 tokens, whose NLL changes by `mean` with a spread over documents."""
    generator = np.random.default_rng(seed)
    nll = generator.gamma(2.0, size=1000)
    return measurement(nll, nll + np.repeat(generator.normal(mean, spread, 40), 25), [25] * 40)


def report_of(**measured: Measurement) -> MultilingualReport:
    of_languages = {find_language(name): of_it for name, of_it in measured.items()}
    evaluation = Evaluation({}, {}, SETTINGS, {"kind": "test"})
    return make_report(of_languages, evaluation, {"method": "gptq", "bits": 4}, None)


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def error(values: list[float]) -> float:
    """The standard error of a mean, as llama.cpp has it."""
    return math.sqrt((sum(value**2 for value in values) / len(values) - mean(values) ** 2) / (len(values) - 1))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    largest = logits.max()
    return logits - largest - math.log(np.exp(logits - largest).sum())


def percentile(ordered: list[float], fraction: float) -> float:
    place = fraction * (len(ordered) - 1)
    whole = int(place)
    rest = place - whole
    return (1 - rest) * ordered[whole] + rest * ordered[min(whole + 1, len(ordered) - 1)]


def width(estimate) -> float:
    return estimate.high - estimate.low
