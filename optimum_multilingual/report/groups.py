"""Means over groups of languages: all, those of one script, those of one resource tier."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..evaluation.bootstrap import percentile_interval
from ..languages import Language
from .grouping import groups_of
from .pooling import Column, Pooled
from .scores import BROKEN, Estimate, GroupScore, LanguageScore


def score_groups(
    scores: Sequence[LanguageScore], pooled: Mapping[Language, Pooled], confidence: float
) -> tuple[GroupScore, ...]:
    """Scores the group of all languages, then scripts, then tiers; a group without a whole language is left out.

    Args:
        scores: of each language.
        pooled: the sums and draws behind them.
        confidence: of intervals.
    """
    whole = {score.language for score in scores if score.verdict != BROKEN}
    of_tags = {language.tag: of_it for language, of_it in pooled.items() if language.tag in whole}
    groups = ((kind, name, [tag for tag in tags if tag in of_tags]) for kind, name, tags in groups_of(list(pooled)))
    return tuple(_score(kind, name, [of_tags[tag] for tag in tags], confidence) for kind, name, tags in groups if tags)


def _score(kind: str, name: str, group: Sequence[Pooled], confidence: float) -> GroupScore:
    def mean(ratio: Callable[[np.ndarray], np.ndarray]) -> Estimate:
        value = np.mean([ratio(pooled.total) for pooled in group])
        # Documents of different languages are drawn apart, so draws of the same number belong together as any would.
        draws = np.mean([ratio(pooled.draws.T) for pooled in group], axis=0)
        return Estimate(float(value), *percentile_interval(draws, confidence))

    return GroupScore(
        kind,
        name,
        tuple(pooled.language.tag for pooled in group),
        relative_change=mean(lambda s: s[Column.QUANTIZED] / s[Column.REFERENCE] - 1),
        kl=mean(lambda s: s[Column.KL] / s[Column.TOKENS]),
        top1_agreement=mean(lambda s: s[Column.AGREE] / s[Column.TOKENS]),
    )
