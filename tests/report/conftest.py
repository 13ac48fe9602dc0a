"""Logits of two models and their scores by the real path, and a report written by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from measurements import TOKENS_OF_DOCUMENTS, measurement
from written_reports import report_of, score

from optimum_multilingual import MultilingualReport
from optimum_multilingual.evaluation.divergence import OutputHead, compare_states


@pytest.fixture(scope="module")
def logits():
    """Logits of a reference and a quantized model, and the tokens that came; the models agree mostly."""
    tokens, vocabulary = sum(TOKENS_OF_DOCUMENTS), 150
    generator = np.random.default_rng(0)
    base = generator.normal(0, 3, (tokens, vocabulary)).astype(np.float32)
    quantized = base + generator.normal(0, 1, (tokens, 1)) * generator.normal(0, 0.4, base.shape)
    return base, quantized.astype(np.float32), generator.integers(vocabulary, size=tokens)


@pytest.fixture(scope="module")
def measured(logits):
    """The same logits through `compare_states`: as hidden states under a head that leaves them as they are."""
    base, quantized, targets = map(torch.from_numpy, logits)
    head = OutputHead(torch.eye(base.shape[1]))
    scores = compare_states(base, quantized, head, head, targets)
    return measurement(
        scores.reference_nll.numpy(),
        scores.quantized_nll.numpy(),
        TOKENS_OF_DOCUMENTS,
        scores.kl.numpy(),
        scores.agree.numpy(),
        reverse_kl=scores.reverse_kl.numpy(),
        overlap=scores.overlap.numpy(),
    )


@pytest.fixture
def report() -> MultilingualReport:
    """Three languages, Yoruba the worst."""
    return report_of(score("eng_Latn", 0.01), score("yor_Latn", 0.09, kl=0.02), score("cmn_Hans", 0.05, kl=0.3))
