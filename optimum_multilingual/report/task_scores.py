"""Downstream tasks before and after: accuracy, flips, McNemar's test, and the verdict. Data and pure statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..languages import find_language
from .scores import DAMAGED, IMPROVED, UNRESOLVED, Estimate
from .significance import holm

if TYPE_CHECKING:
    from ..evaluation.downstream import Answers, Task

AT_CHANCE = "at chance"

# The reference has to beat guessing with this error probability, one-sided, or its task says nothing.
CHANCE_ALPHA = 0.05


@dataclass(frozen=True)
class TaskScore:
    """What one downstream task lost.

    Args:
        task: its name in lm-evaluation-harness.
        language: tag of its language.
        metric: which says of each item whether it was answered right, such as "acc".
        items: how many there were.
        chance: accuracy of guessing.
        reference, quantized: share of items answered right.
        reference_error, quantized_error: standard errors of the two, as lm-evaluation-harness has them.
        change: quantized minus reference, with the normal interval of paired items.
        lost: items that were right before and are wrong after.
        gained: items that were wrong before and are right after.
        p_value: of McNemar's exact test that as many are gained as lost.
        p_adjusted: the same corrected for the number of tasks that are not at chance, after Holm.
        above_chance: the reference beats guessing; a task where it does not is left out of verdicts and means.
        resolved: p_adjusted is small enough for the confidence asked for.

    Source: flips, the share of lost and gained items: Dutta et al., "Accuracy is not all you need" (2024). McNemar,
    "Note on the sampling error of the difference between correlated proportions or percentages" (1947).
    """

    task: str
    language: str
    metric: str
    items: int
    chance: float
    reference: float
    reference_error: float
    quantized: float
    quantized_error: float
    change: Estimate
    lost: int
    gained: int
    p_value: float
    p_adjusted: float
    above_chance: bool
    resolved: bool

    @property
    def name(self) -> str:
        """The English name of the language."""
        return find_language(self.language).name

    @property
    def flips(self) -> float:
        """Share of items whose answer went from right to wrong or back; accuracy hides those that cancel out."""
        return (self.lost + self.gained) / self.items

    @property
    def verdict(self) -> str:
        """What McNemar's test says, corrected for the number of tasks."""
        if not self.above_chance:
            return AT_CHANCE
        if not self.resolved:
            return UNRESOLVED
        return DAMAGED if self.lost > self.gained else IMPROVED


def score_tasks(tasks: Sequence[tuple[Task, Answers, Answers]], confidence: float) -> tuple[TaskScore, ...]:
    """Scores every task and corrects for their number.

    Args:
        tasks: each with the answers before and after.
        confidence: of intervals and verdicts, between 0 and 1.
    """
    return correct_tasks([_score(task, before, after, confidence) for task, before, after in tasks], confidence)


def correct_tasks(scores: Sequence[TaskScore], confidence: float) -> tuple[TaskScore, ...]:
    """Corrects the significance of every task that is above chance for their number.

    Tasks are told apart by their place: merged reports may have one task in several languages.
    """
    counted = [place for place, score in enumerate(scores) if score.above_chance]
    adjusted = dict(zip(counted, holm([scores[place].p_value for place in counted]), strict=True))
    corrected = []
    for place, score in enumerate(scores):
        p = adjusted.get(place, 1.0)
        corrected.append(replace(score, p_adjusted=p, resolved=p < 1 - confidence))
    return tuple(corrected)


def _score(task: Task, before: Answers, after: Answers, confidence: float) -> TaskScore:
    from scipy.stats import binomtest, norm

    assert before.right.shape == after.right.shape, "both models answer the same items"
    items, right = len(before.right), int(before.right.sum())
    lost, gained = int((before.right & ~after.right).sum()), int((~before.right & after.right).sum())
    difference = after.right.astype(float) - before.right
    change, error = float(difference.mean()), _mean_error(difference)
    reach = float(norm.ppf((1 + confidence) / 2)) * error
    p = binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    beats_guessing = binomtest(right, items, before.chance, alternative="greater").pvalue < CHANCE_ALPHA
    return TaskScore(
        task=task.name,
        language=task.language.tag,
        metric=task.metric,
        items=items,
        chance=before.chance,
        reference=right / items,
        reference_error=_mean_error(before.right),
        quantized=float(after.right.mean()),
        quantized_error=_mean_error(after.right),
        change=Estimate(change, change - reach, change + reach),
        lost=lost,
        gained=gained,
        p_value=float(p),
        p_adjusted=1.0,
        above_chance=bool(beats_guessing),
        resolved=False,
    )


def _mean_error(values: np.ndarray) -> float:
    """The standard error of a mean, as `mean_stderr` of lm-evaluation-harness."""
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
