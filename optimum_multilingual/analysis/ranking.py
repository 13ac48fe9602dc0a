"""Settings of a sweep ranked, with intervals that cover the choice of documents and the draw of the calibration text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..evaluation.bootstrap import percentile_interval, resample_sums
from ..report.pooling import Column
from ..report.scores import Estimate

# Sums of one setting: a mapping of language tag to [documents, columns] for each seed.
Draws = Sequence[Mapping[str, np.ndarray]]

# Measures as ratios of two sums of documents.
RATIOS = {"kl": (Column.KL, Column.TOKENS), "loss": (Column.QUANTIZED, Column.TOKENS)}

# Numbers that lie closer than this part are equal: the same sums may be added in another order.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Ranked:
    """One setting among others.

    Args:
        setting: its name.
        mean: over the languages that are compared, each counting once; infinite where the setting broke one.
        worst: of the language that lost most of those.
        worst_language: which one that is.
        rank: by the mean; 1 is the lowest, and equal ones have equal ranks. The ends of its interval are whole ranks.
        best_share: share of the draws in which its mean is below those of all others.
        best_worst_share: share of the draws in which its worst language is below those of all others.
        broken: tags of the languages that the setting broke.
    """

    setting: str
    mean: Estimate
    worst: Estimate
    worst_language: str
    rank: Estimate
    best_share: float
    best_worst_share: float
    broken: tuple[str, ...]


@dataclass(frozen=True)
class Losses:
    """One measure of every setting in every language, and its bootstrap draws; all settings share the draws of documents.

        values[s, l]     mean over the seeds of setting s, in language l
        draws[d, s, l]   the same over documents drawn anew, moved by what another draw of the calibration text may do

    Args:
        settings: their names, in the order of the first axis.
        languages: tags, in the order of the second.
        values: shape [settings, languages]; infinite where a setting broke a language.
        draws: shape [draws, settings, languages].
        confidence: of intervals.
    """

    settings: tuple[str, ...]
    languages: tuple[str, ...]
    values: np.ndarray
    draws: np.ndarray
    confidence: float

    @classmethod
    def of(cls, sums: Mapping[str, Draws], measure: str, draws: int, confidence: float, seed: int) -> Losses:
        """Pools documents and seeds.

        Documents are drawn anew in each language, the same for all settings, so that settings stay paired. To each setting is
        then added the mean of as many deviations of one seed from its setting's mean as it has seeds, drawn from those of all
        settings and scaled by sqrt(n / (n - 1)). Whole languages move together, as one calibration set moves them. With one
        seed there is nothing to draw, and intervals hold for that calibration set only.

        Args:
            sums: of each setting, for each seed.
            measure: "kl", or "loss" for the negative log-likelihood.
            draws: number of resamples.
            confidence: of intervals.
            seed: of a private generator.

        Source: Efron (1979); residual bootstrap of means after A. Davison and D. Hinkley, Bootstrap Methods (1997), 3.2.
        """
        settings, languages = tuple(sums), tuple(next(iter(sums.values()))[0])
        upper, lower = RATIOS[measure]
        by_seed = [
            np.array([[_ratio(of_seed[tag], upper, lower) for tag in languages] for of_seed in of_setting])
            for of_setting in sums.values()
        ]
        pooled = [_draw_documents(sums, tag, upper, lower, draws, seed) for tag in languages]
        values = np.stack([of_setting.mean(axis=0) for of_setting in by_seed])
        drawn = np.stack(pooled, axis=-1) + _draw_seeds(by_seed, draws, seed)
        return cls(settings, languages, values, np.where(np.isfinite(values), drawn, np.inf), confidence)

    def estimate(self, setting: int, language: int) -> Estimate:
        """One cell of the table."""
        return self._interval(self.values[setting, language], self.draws[:, setting, language])

    def best(self, language: int) -> int | None:
        """The setting whose loss of a language is below all others in as many draws as the confidence asks; else None."""
        first = int(self.values[:, language].argmin())
        if len(self.settings) == 1 or not np.isfinite(self.values[first, language]):
            return None
        before = _before(np.zeros(len(self.settings)), self.draws[:, :, language])
        return first if _share_before_all(before)[first] >= self.confidence else None

    @property
    def compared(self) -> np.ndarray:
        """Whether each language counts in the ranking, shape [languages].

        Those do that are whole with every setting that broke the fewest: what all of them broke says nothing on which is
        best, and a setting that broke more comes after them anyway. Where none is left all count, and no mean is finite.
        """
        kept = np.isfinite(self.values[self._broke_fewest]).all(axis=0)
        return kept if kept.any() else np.ones_like(kept)

    @property
    def _broken_counts(self) -> np.ndarray:
        return (~np.isfinite(self.values)).sum(axis=1)

    @property
    def _broke_fewest(self) -> np.ndarray:
        return self._broken_counts == self._broken_counts.min()

    def ranking(self) -> list[Ranked]:
        """All settings by the number of languages they broke, then by the mean over those compared, the lowest first."""
        counts = self._broken_counts
        values, draws = self._over_compared(self.values), self._over_compared(self.draws)
        averages, means, worsts = values.mean(axis=-1), draws.mean(axis=-1), draws.max(axis=-1)
        before = _before(counts, means)
        ranks, places = before.sum(axis=-2) + 1, _before(counts, averages).sum(axis=-2) + 1
        best, best_worst = _share_before_all(before), _share_before_all(_before(counts, worsts))
        ranked: list[Ranked] = []
        for place in np.lexsort((averages, counts)):
            rank = np.quantile(ranks[:, place], [(1 - self.confidence) / 2, (1 + self.confidence) / 2])
            worst = self._worst_language(place)
            ranked.append(
                Ranked(
                    setting=self.settings[place],
                    mean=self._interval(averages[place], means[:, place]),
                    worst=self._interval(values[place].max(), worsts[:, place]),
                    worst_language=self.languages[worst],
                    rank=Estimate(int(places[place]), float(np.floor(rank[0])), float(np.ceil(rank[1]))),
                    best_share=float(best[place]),
                    best_worst_share=float(best_worst[place]),
                    broken=tuple(np.array(self.languages)[~np.isfinite(self.values[place])].tolist()),
                )
            )
        return ranked

    def _over_compared(self, of_it: np.ndarray) -> np.ndarray:
        return np.where(self._broke_fewest[:, None], of_it, np.inf).compress(self.compared, axis=-1)

    def _worst_language(self, setting: int) -> int:
        """The one compared that lost most; of a setting that broke more than others one that it broke."""
        counts = self.compared if self._broke_fewest[setting] else True
        return int(np.where(counts, self.values[setting], -np.inf).argmax())

    def _interval(self, value: float, draws: np.ndarray) -> Estimate:
        if not np.isfinite(value):
            return Estimate(np.inf, np.nan, np.nan)
        return Estimate(float(value), *percentile_interval(draws, self.confidence))


def _before(broken: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Whether a setting comes before another: it broke fewer languages, or as many and loses less; equal ones do not.

    Args:
        broken: number of languages, shape [settings].
        losses: shape [..., settings].

    Returns:
        Shape [..., settings, settings]; the last axis is the one that comes after.
    """
    fewer, as_many = broken[:, None] < broken, broken[:, None] == broken
    return fewer | (as_many & (losses[..., :, None] * (1 + ROUNDING) < losses[..., None, :]))


def _share_before_all(before: np.ndarray) -> np.ndarray:
    """Share of the draws in which a setting comes before all others, shape [settings]."""
    return (before.sum(axis=-1) == before.shape[-1] - 1).mean(axis=0)


def _ratio(sums: np.ndarray, upper: int, lower: int) -> float:
    total = sums.sum(axis=0)
    ratio = total[upper] / total[lower]
    return float(ratio) if np.isfinite(ratio) else np.inf


def _draw_documents(sums: Mapping[str, Draws], tag: str, upper: int, lower: int, draws: int, seed: int) -> np.ndarray:
    """One language over documents drawn anew, the mean over seeds of each setting: shape [draws, settings]."""
    first = next(iter(sums.values()))[0][tag]
    means = [np.mean([of_seed[tag][:, upper] for of_seed in of_setting], axis=0) for of_setting in sums.values()]
    columns = np.nan_to_num(np.stack([first[:, lower], *means], axis=1), posinf=0.0)
    drawn = resample_sums(columns, draws, [seed, int.from_bytes(tag.encode(), "big")])
    return drawn[:, 1:] / drawn[:, :1]


def _draw_seeds(by_seed: Sequence[np.ndarray], draws: int, seed: int) -> np.ndarray:
    """What another draw of the calibration text may do to the means, shape [draws, settings, languages]."""
    counts = [len(of_setting) for of_setting in by_seed]
    if max(counts) == 1:
        return np.zeros((draws, len(by_seed), by_seed[0].shape[1]))
    with np.errstate(invalid="ignore"):  # a broken language has no deviations
        deviations = np.concatenate(
            [
                np.nan_to_num((of_setting - of_setting.mean(axis=0)) * np.sqrt(count / (count - 1)), posinf=0, neginf=0)
                for of_setting, count in zip(by_seed, counts)
                if count > 1
            ]
        )
    generator = np.random.default_rng([seed, len(deviations)])
    moved = [deviations[generator.integers(len(deviations), size=(draws, count))].mean(axis=1) for count in counts]
    return np.stack(moved, axis=1)
