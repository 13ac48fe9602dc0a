"""From token scores to a report: the formulas of llama.cpp and lm-evaluation-harness, and honest intervals."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from scipy import stats

from optimum_multilingual import EvaluationConfig, MultilingualReport
from optimum_multilingual.evaluation.divergence import OutputHead, compare_states
from optimum_multilingual.evaluation.evaluator import Evaluation, Measurement
from optimum_multilingual.flores import flores_tags
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


def width(estimate) -> float:
    return estimate.high - estimate.low


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


def test_means_over_groups_count_each_language_once():
    report = report_of(en=changed_by(0.0, 0.1, 1), sw=changed_by(0.2, 0.1, 2), hi=changed_by(0.4, 0.1, 3))
    groups = {(group.kind, group.name): group for group in report.groups}
    changes = {score.language: score.relative_change.value for score in report.scores}

    assert set(groups) == {
        ("all", "all"), ("script", "Latn"), ("script", "Deva"), ("tier", "high"), ("tier", "low"),
    }  # fmt: skip
    assert groups["all", "all"].relative_change.value == pytest.approx(sum(changes.values()) / 3)
    assert groups["script", "Latn"].languages == ("eng_Latn", "swh_Latn")
    assert groups["tier", "low"].relative_change.value == pytest.approx(changes["swh_Latn"])
    of_all, alone = groups["all", "all"].relative_change, report["sw"].relative_change
    assert of_all.low < of_all.value < of_all.high and width(of_all) < width(alone)


def test_a_broken_language_is_in_no_mean():
    report = report_of(sw=measurement(np.ones(80), np.full(80, math.nan), [10] * 8), yo=changed_by(0.1, 0.05))
    assert report.groups[0].languages == ("yor_Latn",)


def test_many_languages_need_stronger_evidence():
    """A change that is resolved alone is not when it is the strongest of fifty."""
    faint = changed_by(0.05, 0.2, seed=1)
    alone = report_of(sw=faint)["sw"]
    assert alone.verdict == "damaged" and 1e-3 < alone.significance.p_value < 0.05

    others = {tag: changed_by(0.0, 0.2, seed) for seed, tag in enumerate(flores_tags("mid"), start=100)}
    among = report_of(sw=faint, **others)["sw"]
    assert among.relative_change == alone.relative_change
    assert among.significance.p_adjusted > 0.05 and among.verdict == "unresolved"


def test_nothing_below_the_noise_floor_is_resolved():
    measured = {SWAHILI: changed_by(0.02, 0.01)}
    evaluation = Evaluation({}, {}, SETTINGS, {"kind": "test"})
    verdicts = [make_report(measured, evaluation, {}, None, noise_floor=floor)["sw"].verdict for floor in (0.001, 0.5)]
    assert verdicts == ["damaged", "unresolved"]


@pytest.mark.parametrize(
    ("mean", "spread", "verdict"),
    [(0.1, 0.05, "damaged"), (-0.1, 0.05, "improved"), (0.0, 0.3, "unresolved"), (0.02, 0.5, "unresolved")],
)
def test_the_verdict_follows_the_interval_of_the_change(mean, spread, verdict):
    score = score_language(SWAHILI, changed_by(mean, spread), SETTINGS)

    assert score.verdict == verdict
    assert verdict == "unresolved" or not score.relative_change.low <= 0 <= score.relative_change.high


def test_no_change_at_all_is_unresolved():
    assert score_language(SWAHILI, changed_by(0.0, 0.0), SETTINGS).verdict == "unresolved"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("spoilt", ["reference_nll", "quantized_nll", "kl"])
def test_one_score_that_is_not_finite_makes_a_language_broken_and_the_report_is_still_strict_json(bad, spoilt):
    columns = {"reference_nll": np.ones(80), "quantized_nll": np.full(80, 1.1), "kl": np.full(80, 0.01)}
    columns[spoilt][30] = bad
    report = report_of(
        sw=measurement(columns["reference_nll"], columns["quantized_nll"], [10] * 8, columns["kl"]),
        yo=changed_by(0.1, 0.05),
    )

    assert [score.verdict for score in report.worst_first] == ["broken", "damaged"]
    strict = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert MultilingualReport.from_dict(strict).to_dict() == report.to_dict()
    assert "broken" in report.to_markdown()


def test_a_perplexity_beyond_all_numbers_is_infinite_and_no_error():
    score = score_language(SWAHILI, measurement(np.ones(80), np.full(80, 800.0), [10] * 8), SETTINGS)

    assert score.quantized.perplexity == math.inf
    assert score.quantized.nll == 800
    assert score.verdict == "damaged"


def test_a_report_has_every_language_in_order_with_what_lies_behind_the_numbers():
    report = report_of(yo=changed_by(0.1, 0.1), en=changed_by(0.0, 0.1), sw=changed_by(0.2, 0.1))

    assert [score.language for score in report.scores] == [language.tag for language in (YORUBA, ENGLISH, SWAHILI)]
    assert report.setting == {"method": "gptq", "bits": 4}
    assert report.evaluation == {
        "corpus": {"kind": "test"},
        "bootstrap_draws": 500,
        "confidence": 0.95,
        "seed": 7,
        "noise_floor": None,
        "sequence_length": 64,
    }
    assert report.calibration is None
