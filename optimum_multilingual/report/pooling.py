"""Token scores pooled by document, and bootstrap draws of documents: what every ratio is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ..config import EvaluationConfig
from ..evaluation.bootstrap import percentile_interval, resample_sums
from ..evaluation.evaluator import Measurement
from ..languages import Language
from .scores import Estimate


class Column(IntEnum):
    """Places of the sums of a document."""

    TOKENS = 0
    REFERENCE = 1
    QUANTIZED = 2
    KL = 3
    REVERSE_KL = 4
    AGREE = 5
    OVERLAP = 6
    BYTES = 7
    CHARACTERS = 8
    DOCUMENTS = 9


@dataclass(frozen=True)
class Pooled:
    """The sums of one language.

    Args:
        language: of the text.
        per_document: shape [documents, columns].
        draws: sums over documents drawn with replacement, shape [draws, columns].
        confidence: of intervals.
    """

    language: Language
    per_document: np.ndarray
    draws: np.ndarray
    confidence: float

    @property
    def total(self) -> np.ndarray:
        """Sums over all documents, shape [columns]."""
        return self.per_document.sum(axis=0)

    def estimate(self, ratio: Callable[[np.ndarray], np.ndarray]) -> Estimate:
        """A function of the sums, with its bootstrap interval.

        pooled.estimate(lambda s: s[Column.KL] / s[Column.TOKENS])
        """
        return Estimate(float(ratio(self.total)), *percentile_interval(ratio(self.draws.T), self.confidence))


def pool(language: Language, measured: Measurement, settings: EvaluationConfig) -> Pooled:
    """Sums up every document's tokens and draws documents, by a generator that seed and language alone decide."""
    per_document = document_sums(measured)
    seed = [settings.seed, int.from_bytes(language.tag.encode(), "big")]
    with np.errstate(invalid="ignore"):  # infinite scores of a broken model, drawn or not
        draws = resample_sums(per_document, settings.bootstrap_draws, seed)
    return Pooled(language, per_document, draws, settings.confidence)


def document_sums(measured: Measurement) -> np.ndarray:
    """The sums of every document over its tokens, shape [documents, columns]; `Column` names them."""
    documents = len(measured.documents)
    columns = (
        None, measured.reference_nll, measured.quantized_nll, measured.kl, measured.reverse_kl,
        measured.agree, measured.overlap,
    )  # fmt: skip
    of_tokens = [np.bincount(measured.document, weights, documents) for weights in columns]
    return np.stack([*of_tokens, measured.num_bytes, measured.num_characters, np.ones(documents)], axis=1)
