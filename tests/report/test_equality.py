"""The numbers are those of llama.cpp and lm-evaluation-harness."""

from __future__ import annotations

import math

import numpy as np
import pytest
from measurements import SETTINGS, SWAHILI, TOKENS_OF_DOCUMENTS, error, log_softmax, mean, percentile, score_language


def llama_cpp_statistics(logits) -> dict[str, float]:
    """What `llama-perplexity --kl-divergence` prints, in float64, one token after the other."""
    sum_nll = sum_nll_base = sum_log_ratio = same_top = 0.0
    divergences, nlls, nlls_base, changes_of_p = [], [], [], []
    for base, quantized, token in zip(*logits, strict=True):
        log_p_base = log_softmax(base.astype(np.float64))
        log_p = log_softmax(quantized.astype(np.float64))
        sum_nll_base += -log_p_base[token]
        sum_nll += -log_p[token]
        sum_log_ratio += log_p_base[token] - log_p[token]
        nlls.append(-log_p[token])
        nlls_base.append(-log_p_base[token])
        changes_of_p.append(math.exp(log_p[token]) - math.exp(log_p_base[token]))
        divergences.append(sum(math.exp(p) * (p - q) for p, q in zip(log_p_base, log_p, strict=True)))
        same_top += base.argmax() == quantized.argmax()
    divergences.sort()
    count = len(divergences)
    covariance = sum(a * b for a, b in zip(nlls, nlls_base)) / count - mean(nlls) * mean(nlls_base)
    ratio_variance = error(nlls) ** 2 + error(nlls_base) ** 2 - 2 * covariance / (count - 1)
    return {
        "PPL(Q) error": math.exp(sum_nll / count) * error(nlls),
        "PPL(base) error": math.exp(sum_nll_base / count) * error(nlls_base),
        "ln ratio error": math.sqrt(ratio_variance),
        "KLD error": error(divergences),
        "Same top p error": math.sqrt(same_top / count * (1 - same_top / count) / (count - 1)),
        "RMS dp": math.sqrt(sum(change**2 for change in changes_of_p) / count),
        "Mean PPL(Q)": math.exp(sum_nll / count),
        "Mean PPL(base)": math.exp(sum_nll_base / count),
        "Mean ln(PPL(Q)/PPL(base))": sum_log_ratio / count,
        "Mean KLD": sum(divergences) / count,
        "Median KLD": percentile(divergences, 0.5),
        "90% KLD": percentile(divergences, 0.90),
        "95% KLD": percentile(divergences, 0.95),
        "99% KLD": percentile(divergences, 0.99),
        "99.9% KLD": percentile(divergences, 0.999),
        "Maximum KLD": divergences[-1],
        "Same top p": same_top / count,
    }


def test_statistics_agree_with_llama_cpps_kl_divergence_to_a_millionth(logits, measured):
    score = score_language(SWAHILI, measured, SETTINGS)

    ours = {
        "Mean PPL(Q)": score.quantized.perplexity,
        "Mean PPL(base)": score.reference.perplexity,
        "Mean ln(PPL(Q)/PPL(base))": score.nll_change.value,
        "Mean KLD": score.kl.mean.value,
        "Median KLD": score.kl.median,
        "90% KLD": score.kl.p90,
        "95% KLD": score.kl.p95,
        "99% KLD": score.kl.p99,
        "99.9% KLD": score.kl.p999,
        "Maximum KLD": score.kl.max,
        "Same top p": score.top1_agreement.value,
        "PPL(Q) error": score.token_errors.quantized_perplexity,
        "PPL(base) error": score.token_errors.reference_perplexity,
        "ln ratio error": score.token_errors.nll_change,
        "KLD error": score.token_errors.kl,
        "Same top p error": score.token_errors.top1_agreement,
        "RMS dp": score.gold.probability_rms,
    }
    expected = llama_cpp_statistics(logits)
    assert 0.5 < expected["Same top p"] < 1 and expected["Mean KLD"] > 0.01, "the fixture should tell models apart"
    assert ours == pytest.approx(expected, abs=1e-6, rel=1e-6)


def test_scores_agree_with_lm_evaluation_harness_to_a_millionth(logits, measured):
    base, quantized, targets = logits
    ends = np.cumsum(TOKENS_OF_DOCUMENTS)
    score = score_language(SWAHILI, measured, SETTINGS)

    for of_model, model_logits in ((score.reference, base), (score.quantized, quantized)):
        per_token = [
            log_softmax(row.astype(np.float64))[token] for row, token in zip(model_logits, targets, strict=True)
        ]
        log_likelihoods = [sum(part) for part in np.split(per_token, ends[:-1])]
        num_bytes = [4 * tokens + 1 for tokens in TOKENS_OF_DOCUMENTS]
        bits_per_byte = -sum(log_likelihoods) / sum(num_bytes) / math.log(2)
        assert of_model.bits_per_byte == pytest.approx(bits_per_byte, rel=1e-6)
        byte_perplexity = math.exp(-sum(log_likelihoods) / sum(num_bytes))
        assert 2**of_model.bits_per_byte == pytest.approx(byte_perplexity, rel=1e-6)
        assert of_model.nll == pytest.approx(-sum(log_likelihoods) / sum(TOKENS_OF_DOCUMENTS), rel=1e-6)
