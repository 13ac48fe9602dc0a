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


@dataclass(frozen=True)
class Ranked:
    """One setting among others.

    Args:
        setting: its name.
        mean: over languages, each counting once.
        worst: of the language that lost most.
        worst_language: which one that is.
        rank: by the mean; 1 is the lowest. The ends of its interval are whole ranks.
        best_share: share of the draws in which no other setting has a lower mean.
        best_worst_share: share of the draws in which no other setting has a lower worst language.
    """

    setting: str
    mean: Estimate
    worst: Estimate
    worst_language: str
    rank: Estimate
    best_share: float
    best_worst_share: float


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
        """The setting with the lowest loss of a language, if it has it in as many draws as the confidence asks; else None."""
        if len(self.settings) == 1:
            return None
        first = int(self.values[:, language].argmin())
        share = float((self.draws[:, :, language].argmin(axis=1) == first).mean())
        return first if share >= self.confidence else None

    def ranking(self) -> list[Ranked]:
        """All settings by the mean over languages, the lowest first."""
        means, worsts = self.draws.mean(axis=-1), self.draws.max(axis=-1)
        ranks = means.argsort(axis=1).argsort(axis=1) + 1
        ranked: list[Ranked] = []
        for place in self.values.mean(axis=-1).argsort(kind="stable"):
            rank = np.quantile(ranks[:, place], [(1 - self.confidence) / 2, (1 + self.confidence) / 2])
            ranked.append(
                Ranked(
                    setting=self.settings[place],
                    mean=self._interval(self.values[place].mean(), means[:, place]),
                    worst=self._interval(self.values[place].max(), worsts[:, place]),
                    worst_language=self.languages[int(self.values[place].argmax())],
                    rank=Estimate(len(ranked) + 1, float(np.floor(rank[0])), float(np.ceil(rank[1]))),
                    best_share=float((means.argmin(axis=1) == place).mean()),
                    best_worst_share=float((worsts.argmin(axis=1) == place).mean()),
                )
            )
        return ranked

    def _interval(self, value: float, draws: np.ndarray) -> Estimate:
        if not np.isfinite(value):
            return Estimate(np.inf, np.nan, np.nan)
        return Estimate(float(value), *percentile_interval(draws, self.confidence))


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
