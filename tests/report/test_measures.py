"""From token scores to a report: the formulas of llama.cpp and lm-evaluation-harness, and honest intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from measurements import (
    ENGLISH,
    SETTINGS,
    SWAHILI,
    TOKENS_OF_DOCUMENTS,
    changed_by,
    measurement,
    percentile,
    score_language,
    width,
)
from scipy import stats

from optimum_multilingual import EvaluationConfig
from optimum_multilingual.report.pooling import pool


def test_perplexity_is_pooled_over_tokens_not_averaged_over_documents():
    nll = np.array([5.0, 1.0, 1.0, 1.0])
    score = score_language(SWAHILI, measurement(nll, 2 * nll, [1, 3]), SETTINGS)

    assert score.reference.perplexity == pytest.approx(math.exp(8 / 4))
    assert score.quantized.perplexity == pytest.approx(math.exp(16 / 4))
    assert score.reference.bits_per_byte == pytest.approx(8 / (5 + 13) / math.log(2))


def test_the_amount_of_text_is_counted(measured):
    score = score_language(SWAHILI, measured, SETTINGS)

    assert (score.language, score.documents) == ("swh_Latn", len(TOKENS_OF_DOCUMENTS))
    assert score.tokens == sum(TOKENS_OF_DOCUMENTS)
    assert score.num_bytes == sum(4 * tokens + 1 for tokens in TOKENS_OF_DOCUMENTS)


def test_changes_are_differences_of_the_scores(measured):
    score = score_language(SWAHILI, measured, SETTINGS)

    before, after = score.reference, score.quantized
    assert score.nll_change.value == pytest.approx(after.nll - before.nll)
    assert score.bits_per_byte_change.value == pytest.approx(after.bits_per_byte - before.bits_per_byte)
    assert score.relative_change.value == pytest.approx(after.bits_per_byte / before.bits_per_byte - 1)
    assert score.relative_change.value == pytest.approx(after.nll / before.nll - 1)


def test_every_interval_holds_its_value_and_has_a_width(measured):
    score = score_language(SWAHILI, measured, SETTINGS)

    for estimate in (
        score.nll_change,
        score.bits_per_byte_change,
        score.relative_change,
        score.kl.mean,
        score.kl.per_byte,
        score.reverse_kl.mean,
        score.gold.mean,
        score.top1_agreement,
        score.top5_overlap,
    ):
        assert estimate.low < estimate.value < estimate.high


def test_intervals_are_of_the_change_not_of_the_scores_because_documents_are_paired():
    """Documents differ by factors, but all change by the same two percent: the interval has no width."""
    nll = np.random.default_rng(0).gamma(0.5, size=1000)
    score = score_language(SWAHILI, measurement(nll, 1.02 * nll, [25] * 40), SETTINGS)

    assert score.relative_change.low == pytest.approx(0.02, abs=1e-12)
    assert score.relative_change.high == pytest.approx(0.02, abs=1e-12)


def test_documents_are_drawn_whole_and_so_intervals_are_wider_than_for_tokens_on_their_own():
    together = score_language(SWAHILI, changed_by(0.0, 0.2), SETTINGS)
    apart = changed_by(0.0, 0.2)
    shuffled = np.random.default_rng(1).permutation(1000)
    apart = measurement(apart.reference_nll[shuffled], apart.quantized_nll[shuffled], [25] * 40)
    on_their_own = score_language(SWAHILI, apart, SETTINGS)

    assert width(together.nll_change) > 2 * width(on_their_own.nll_change)


def test_a_higher_confidence_gives_a_wider_interval(measured):
    widths = [
        width(score_language(SWAHILI, measured, EvaluationConfig(confidence=confidence)).relative_change)
        for confidence in (0.5, 0.9, 0.99)
    ]

    assert widths == sorted(widths) and widths[0] < widths[2]


def test_the_seed_and_the_language_alone_decide_the_draws(measured):
    def low(language, seed):
        return score_language(language, measured, EvaluationConfig(seed=seed)).relative_change.low

    assert low(SWAHILI, 1) == low(SWAHILI, 1)
    assert len({low(SWAHILI, 1), low(SWAHILI, 2), low(ENGLISH, 1)}) == 3


def test_other_units_are_the_same_sum_over_other_counts(measured):
    score = score_language(SWAHILI, measured, SETTINGS)
    bits = score.quantized.nll * score.tokens / math.log(2)

    assert score.quantized.bits_per_character == pytest.approx(bits / (3 * score.tokens + score.documents))
    assert score.quantized.bits_per_document == pytest.approx(bits / score.documents)
    assert score.kl.per_byte.value == pytest.approx(score.kl.mean.value * score.tokens / score.num_bytes)


def test_the_gold_token_loses_what_the_loss_gains(measured):
    score = score_language(SWAHILI, measured, SETTINGS)
    change = measured.reference_nll.astype(np.float64) - measured.quantized_nll

    assert score.gold.mean.value == pytest.approx(-score.nll_change.value)
    assert [score.gold.p01, score.gold.median, score.gold.p99] == pytest.approx(
        [percentile(sorted(change), fraction) for fraction in (0.01, 0.5, 0.99)], abs=1e-6
    )


def test_documents_that_collapsed_are_named_worst_first():
    nll = np.ones(40)
    rise = np.repeat([0.1, 1.5, 0.9, 3.0], 10)
    score = score_language(SWAHILI, measurement(nll, nll + rise, [10] * 4), SETTINGS)

    assert (score.collapse.documents, score.collapse.share) == (("text:3", "text:1"), 0.5)
    sharper = score_language(SWAHILI, measurement(nll, nll + rise, [10] * 4), EvaluationConfig(collapse_threshold=0.5))
    assert sharper.collapse.documents == ("text:3", "text:1", "text:2")


def test_the_error_of_the_relative_change_is_that_of_scipys_bootstrap():
    measured = changed_by(0.05, 0.2)
    sums = pool(SWAHILI, measured, SETTINGS).per_document.T

    def ratio(reference, quantized, axis=-1):
        return quantized.sum(axis) / reference.sum(axis) - 1

    data = sums[1], sums[2]
    drawn = stats.bootstrap(data, ratio, paired=True, n_resamples=4000, random_state=np.random.default_rng(0))
    assert score_language(SWAHILI, measured, SETTINGS).significance.error == pytest.approx(
        drawn.standard_error, rel=0.05
    )
