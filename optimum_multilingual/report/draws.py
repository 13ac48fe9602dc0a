"""The same quantization over several draws of the calibration set: how much its numbers depend on the draw."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..calibration.calibration_set import Manifest
    from ..evaluation.evaluator import Measurement
    from ..languages import Language
    from .multilingual_report import MultilingualReport


@dataclass(frozen=True)
class DrawScore:
    """What one language lost with one draw.

    Args:
        language: its tag.
        relative_change: of bits per byte; 0.02 is two percent worse.
        kl: KL(reference || quantized), mean over tokens in nats.
    """

    language: str
    relative_change: float
    kl: float


@dataclass(frozen=True)
class Draw:
    """One draw of the calibration set, and what each language lost with it.

    Args:
        seed: that the set was drawn with.
        fingerprint: of the set.
        languages: their scores.
    """

    seed: int
    fingerprint: str
    languages: tuple[DrawScore, ...]


@np.errstate(invalid="ignore", over="ignore")  # a broken model's scores may be infinite; its language is named broken
def draw_of(manifest: Manifest, measured: Mapping[Language, Measurement]) -> Draw:
    """The scores of one draw from its measurements."""
    scores = []
    for language, of_it in measured.items():
        sums = [float(nll.sum(dtype=np.float64)) for nll in (of_it.reference_nll, of_it.quantized_nll)]
        scores.append(DrawScore(language.tag, sums[1] / sums[0] - 1, float(of_it.kl.mean(dtype=np.float64))))
    return Draw(manifest.seed, manifest.fingerprint, tuple(scores))


def all_draws(report: MultilingualReport, manifest: Manifest | None, others: Sequence[Draw]) -> tuple[Draw, ...]:
    """The report's own draw and then the others; empty where there are no others."""
    if not others:
        return ()
    assert manifest is not None, "without a calibration set nothing is drawn"
    scores = [DrawScore(score.language, score.relative_change.value, score.kl.mean.value) for score in report.scores]
    return (Draw(manifest.seed, manifest.fingerprint, tuple(scores)), *others)


def draw_columns(draws: Sequence[Draw]) -> dict[str, tuple[str]]:
    """The cell of each language: mean and standard deviation of its change over draws; empty without draws."""
    changes: dict[str, list[float]] = {}
    for draw in draws:
        for score in draw.languages:
            changes.setdefault(score.language, []).append(score.relative_change)
    return {language: (_spread(values, "+.2%", ".2%"),) for language, values in changes.items()}


def draw_lines(draws: Sequence[Draw]) -> list[str]:
    """What stands below the table: the means over languages with their standard deviation over draws.

    A language that any draw broke is in none of the means.
    """
    if not draws:
        return []
    broken = {score.language for draw in draws for score in draw.languages if not _is_whole(score)}
    whole = [[score for score in draw.languages if score.language not in broken] for draw in draws]
    start = (
        f"over {len(draws)} draws of the calibration set (mean ± standard deviation; seeds "
        f"{', '.join(str(draw.seed) for draw in draws)}): "
    )
    if not whole[0]:
        return [f"{start}every language is broken in one of them or more"]
    changes = [statistics.fmean(score.relative_change for score in scores) for scores in whole]
    divergences = [statistics.fmean(score.kl for score in scores) for scores in whole]
    left_out = f"; without {len(broken)} languages that a draw broke" if broken else ""
    return [f"{start}change {_spread(changes, '+.2%', '.2%')}, KL {_spread(divergences, '.4f', '.4f')}{left_out}"]


def _is_whole(score: DrawScore) -> bool:
    return math.isfinite(score.relative_change) and math.isfinite(score.kl)


def _spread(values: Sequence[float], form: str, deviation_form: str) -> str:
    if not all(map(math.isfinite, values)):
        return "broken"
    return f"{statistics.fmean(values):{form}} ± {np.std(values, ddof=1):{deviation_form}}"
