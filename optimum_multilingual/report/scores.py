"""What is measured of one language, and of a group of languages: values, intervals, verdicts. Data only."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..languages import find_language

DAMAGED, IMPROVED, UNRESOLVED, BROKEN = "damaged", "improved", "unresolved", "broken"


@dataclass(frozen=True)
class Estimate:
    """A measured value and its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ModelScore:
    """One model in one language.

    Args:
        nll: negative log-likelihood pooled over tokens, nats a token.
        perplexity: exp(nll). Comparable inside a language only.
        bits_per_byte: total negative log-likelihood in bits over the text's UTF-8 bytes.
        bits_per_character: the same over its Unicode code points.
        bits_per_document: the same over its documents. Of a parallel corpus, whose documents say the same in every language,
            this is the one that neither tokenizers nor scripts touch.
    """

    nll: float
    perplexity: float
    bits_per_byte: float
    bits_per_character: float
    bits_per_document: float


@dataclass(frozen=True)
class Divergence:
    """A Kullback-Leibler divergence over tokens, in nats.

    Args:
        mean: over tokens.
        per_byte: the sum over the text's UTF-8 bytes. A mean over tokens favours languages that are cut into many.
        median, p90, p95, p99, p999, max: quantiles over tokens, and the largest.
    """

    mean: Estimate
    per_byte: Estimate
    median: float
    p90: float
    p95: float
    p99: float
    p999: float
    max: float


@dataclass(frozen=True)
class GoldChange:
    """What became of the token that really came: log p(token) after minus before, in nats, over tokens.

    Args:
        mean: over tokens; the change of `nll` with the other sign.
        p001, p01, p05, median, p95, p99: quantiles; those of the first half are the tokens that lost most.
        probability_rms: root of the mean square of p(token) after minus before, llama.cpp's "RMS delta p".
    """

    mean: Estimate
    p001: float
    p01: float
    p05: float
    median: float
    p95: float
    p99: float
    probability_rms: float


@dataclass(frozen=True)
class Collapse:
    """Documents whose negative log-likelihood rose by more than a threshold.

    Args:
        threshold: nats a token; 1 is a perplexity of the document e times as high.
        share: of the language's documents.
        documents: their ids, the worst first.
    """

    threshold: float
    share: float
    documents: tuple[str, ...]


@dataclass(frozen=True)
class TokenErrors:
    """Standard errors as llama.cpp prints them. They take tokens for independent, and so are too small.

    Args:
        reference_perplexity, quantized_perplexity: of both perplexities.
        nll_change: of the mean log ratio of perplexities, with the covariance of both models.
        kl: of the mean divergence.
        top1_agreement: of the share.
    """

    reference_perplexity: float
    quantized_perplexity: float
    nll_change: float
    kl: float
    top1_agreement: float


@dataclass(frozen=True)
class Significance:
    """Whether a change is more than chance.

    Args:
        error: standard error of the relative change over documents, in the covariance form of a ratio.
        p_value: of the hypothesis that nothing changed, two-sided.
        p_adjusted: corrected for the number of languages, after Holm.
        resolved: p_adjusted is small enough for the confidence asked for, and the change is above the noise floor.
    """

    error: float
    p_value: float
    p_adjusted: float
    resolved: bool


@dataclass(frozen=True)
class LanguageScore:
    """What one language lost.

    Args:
        language: its tag, such as `swh_Latn`.
        documents, tokens, num_bytes, num_characters: the text it was measured on.
        reference, quantized: both models' scores.
        nll_change: quantized minus reference, nats a token.
        bits_per_byte_change: quantized minus reference.
        relative_change: change of bits per byte over the reference's; 0.02 is two percent worse. It is the same for
            tokens, bytes and characters, and so can be compared between languages.
        significance: of the relative change.
        kl: KL(reference || quantized).
        reverse_kl: KL(quantized || reference).
        gold: change of the log-probability of the tokens that came.
        top1_agreement: share of tokens where both models' likeliest token is the same.
        top5_overlap: share of the reference's five likeliest tokens among the quantized model's five.
        collapse: documents that lost most.
        token_errors: standard errors as llama.cpp has them.
    """

    language: str
    documents: int
    tokens: int
    num_bytes: int
    num_characters: int
    reference: ModelScore
    quantized: ModelScore
    nll_change: Estimate
    bits_per_byte_change: Estimate
    relative_change: Estimate
    significance: Significance
    kl: Divergence
    reverse_kl: Divergence
    gold: GoldChange
    top1_agreement: Estimate
    top5_overlap: Estimate
    collapse: Collapse
    token_errors: TokenErrors

    @property
    def name(self) -> str:
        """The English name of the language."""
        return find_language(self.language).name

    @property
    def verdict(self) -> str:
        """What the interval says, corrected for the number of languages; broken where a score is not finite."""
        if not all(math.isfinite(x) for x in (self.reference.nll, self.quantized.nll, self.kl.mean.value)):
            return BROKEN
        if not self.significance.resolved:
            return UNRESOLVED
        if self.relative_change.low > 0:
            return DAMAGED
        return IMPROVED if self.relative_change.high < 0 else UNRESOLVED


@dataclass(frozen=True)
class GroupScore:
    """The mean over a group of languages, in which each counts once.

    Args:
        kind: "all", "script" or "tier" (FLORES resource level).
        name: "all", or which script or tier.
        languages: tags of its languages; broken ones are not in the means.
        relative_change, kl, top1_agreement: means of what `LanguageScore` holds. Their intervals draw the documents of every
            language anew, the languages are always the same.
    """

    kind: str
    name: str
    languages: tuple[str, ...]
    relative_change: Estimate
    kl: Estimate
    top1_agreement: Estimate
