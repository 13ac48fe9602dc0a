"""Reports made by the real path from random token scores, in milliseconds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optimum_multilingual import EvaluationConfig, MultilingualReport, find_language
from optimum_multilingual.evaluation.evaluator import Evaluation, Measurement
from optimum_multilingual.report.measures import make_report


def report_of(
    changes: dict[str, float], setting: dict[str, Any] | None = None, confidence: float = 0.95, tokens: int = 25
) -> MultilingualReport:
    """A report in which every language lost about so many nats a token; NaN breaks it.

    Text and reference depend on the language alone, so reports of any settings can be compared.
    """
    settings = EvaluationConfig(bootstrap_draws=200, sequence_length=128, confidence=confidence)
    measured = {find_language(name): _measurement(name, change, tokens) for name, change in changes.items()}
    evaluation = Evaluation({}, {}, settings, {"kind": "test"})
    return make_report(
        measured, evaluation, {"model": "me/model", "method": "gptq", "bits": 4, **(setting or {})}, None
    )


def _measurement(name: str, change: float, tokens: int) -> Measurement:
    """30 documents of so many tokens each."""
    documents = 30
    generator = np.random.default_rng(list(name.encode()))
    reference = generator.gamma(2.0, size=documents * tokens)
    kl = generator.lognormal(-4, 1.5, size=documents * tokens) * (1 if math.isnan(change) else 1 + abs(change))
    of_documents = generator.normal(change, 0.02, documents)
    return Measurement(
        document=np.repeat(np.arange(documents), tokens),
        reference_nll=reference,
        quantized_nll=reference + np.repeat(of_documents, tokens),
        kl=kl,
        reverse_kl=kl * 1.1,
        agree=generator.random(documents * tokens) < 0.9,
        overlap=generator.random(documents * tokens),
        documents=tuple(f"{name}:{number}" for number in range(documents)),
        num_bytes=np.full(documents, 4 * tokens),
        num_characters=np.full(documents, 3 * tokens),
    )
