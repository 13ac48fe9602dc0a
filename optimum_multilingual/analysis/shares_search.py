"""The search for shares itself: mixtures tried on one model, and the best one checked on text the search did not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from ..checkpoint import setting_of
from ..config import DEFAULT_SEARCH_STEPS, MultilingualCalibrationConfig
from ..errors import ConfigError, CorpusExhaustedError
from ..evaluation.evaluator import Evaluation, Reference
from ..evaluation.held_out import HeldOutDocument, Window
from ..languages import Language
from ..report.pooling import Column, document_sums
from ..settings import require_int
from .hedge import has_stalled, reweight
from .minimax_result import MinimaxMixture, Step
from .ranking import Losses
from .row_pool import RowPool
from .workbench import Workbench

# A language gets at most this many times its uniform share; beyond it, little text is left for the others.
MOST_OF_UNIFORM = 6

# Mixtures between the uniform one and the best that are tried where the mean of all languages pays for the worst one.
BACK_STEPS = 2

# With it a language that is a tenth above the mean damage grows 2.7 times in one step; beyond it, steps only jump.
MOST_RATE = 10


@dataclass(frozen=True)
class SearchRule:
    """How a search goes on, and when it ends.

    Args:
        steps: most quantizations to try, at least 2; the first is the uniform mixture.
        rate: how fast shares follow damage, above 0 and at most 10.
        patience: steps without gain, or new shares in a row that give no new rows, before the search ends, at least 1.
        least_gain: what counts as gain, as a part of the worst damage, from 0 to below 1.
        mean_rise: how much the mean over languages may rise, as a part of what it is with uniform shares; infinite for no limit.

    Raises:
        ConfigError: one of them is out of its range.
    """

    steps: int = DEFAULT_SEARCH_STEPS
    rate: float = 0.8
    patience: int = 4
    least_gain: float = 0.01
    mean_rise: float = 0.01

    def __post_init__(self) -> None:
        require_int("steps", self.steps, 2)
        require_int("patience", self.patience, 1)
        if not 0 < self.rate <= MOST_RATE:
            raise ConfigError(
                f"rate must be a number above 0 and at most {MOST_RATE}, got {self.rate!r}; the default is 0.8."
            )
        if not 0 <= self.least_gain < 1:
            raise ConfigError(
                f"least_gain must be a part from 0 to below 1, got {self.least_gain!r}; 0.01 is one percent."
            )
        if not self.mean_rise >= 0:
            raise ConfigError(
                f"mean_rise must be a part of at least 0, got {self.mean_rise!r}; 0.01 is one percent, infinite no limit."
            )


def draw_pool(config: MultilingualCalibrationConfig, tokenizer: Any, max_length: int | None) -> RowPool:
    """The rows that the mixtures of a search are taken from.

    Raises:
        ConfigError: so few rows that every language has one of them in any mixture.
        CorpusExhaustedError: a language has less text than its uniform share needs, or none has more.
    """
    num_rows, languages = config.num_rows, config.resolved_languages
    assert num_rows is not None
    if num_rows <= len(languages):
        raise ConfigError(
            f"A search for shares has nothing to choose from with num_rows={num_rows} and {len(languages)} languages, since "
            f"each has at least one row; give at least num_rows={len(languages) + 1}, or better several times that."
        )
    most = min(num_rows, -(-MOST_OF_UNIFORM * num_rows // len(languages)))
    pool = RowPool.build(config, most, tokenizer, max_length)
    if sum(map(len, pool.packed.values())) <= num_rows:
        raise CorpusExhaustedError(
            f"The languages have text for {num_rows} rows in all and no more, so uniform shares are the only ones; give more "
            "text or a lower num_rows."
        )
    return pool


@dataclass
class Mixtures:
    """Mixtures of one pool, each quantized and measured once on some text.

    Args:
        config: method and bits.
        pool: rows of every language.
        bench: quantizes copies of the model.
        evaluation: the text.
        reference: scored on it.
        setting: what a report says of the quantized weights; nothing before the first mixture.
    """

    config: MultilingualCalibrationConfig
    pool: RowPool
    bench: Workbench
    evaluation: Evaluation
    reference: Reference
    setting: Mapping[str, Any] = field(default_factory=dict, init=False)
    _sums: dict[tuple[int, ...], Mapping[str, np.ndarray]] = field(default_factory=dict, init=False)

    def sums(self, shares: Sequence[float]) -> Mapping[str, np.ndarray]:
        """Sums of every document by tag, of shape [documents, columns]; shares of the same whole rows are one mixture."""
        rows = tuple(self.pool.counts(shares))
        if rows not in self._sums:
            quantized, backend = self.bench.quantize(self.config, self.pool.mixture(shares))
            measured = self.bench.compare(quantized, backend, self.evaluation, self.reference)
            self.setting = setting_of(quantized, backend)
            self._sums[rows] = {language.tag: document_sums(of_it) for language, of_it in measured.items()}
        return self._sums[rows]

    def step(self, shares: Sequence[float]) -> Step:
        """What a mixture does to every language."""
        totals = [of_it.sum(axis=0) for of_it in self.sums(shares).values()]
        damages = tuple(float(total[Column.KL] / total[Column.TOKENS]) for total in totals)
        return Step(tuple(shares), tuple(self.pool.counts(shares)), damages)


@dataclass(frozen=True)
class SharesSearch:
    """Everything a search needs but the model.

    Args:
        config: method and bits, and the settings of the bootstrap.
        pool: rows of every language.
        tuning: text of every language; half of its documents are searched with, half are for the check.
        rule: how it goes on.
    """

    config: MultilingualCalibrationConfig
    pool: RowPool
    tuning: Evaluation
    rule: SearchRule

    def run(self, bench: Workbench) -> MinimaxMixture:
        """Tries mixtures on copies of a model, and compares the best one with the uniform one on the other half."""
        halves = [_every_other_document(self.tuning, first) for first in (0, 1)]
        search, check = (Mixtures(self.config, self.pool, bench, half, bench.score(half)) for half in halves)
        tried, best = self.search(search)
        losses = self._compare(check, tried[0], best)
        rows = f"{self.pool.num_rows} rows of {self.pool.sequence_length} tokens"
        name = f"{check.setting['model']}, {check.setting['method']} at {check.setting['bits']} bits, {rows}"
        return MinimaxMixture.of(name, self.pool.languages, tried, best, losses, dict(bench.seconds))

    def search(self, mixtures: Mixtures) -> tuple[list[Step], Step]:
        """Every mixture that was tried, and the one whose worst language lost least of those that keep the mean."""
        tried = self._try_mixtures(mixtures)
        tried += self._step_back(mixtures, tried)
        kept = [step for step in tried if self._mean_is_kept(step, tried[0])]
        return tried, min(kept, key=lambda step: step.worst)

    def _try_mixtures(self, mixtures: Mixtures) -> list[Step]:
        rule = self.rule
        shares = [1 / len(self.pool.languages)] * len(self.pool.languages)
        tried: list[Step] = []
        same = 0  # times in a row that new shares gave rows that were tried
        with tqdm(total=rule.steps, desc="Searching shares", unit="mixture", disable=None) as bar:
            while same < rule.patience and not self._has_ended(tried):
                step = mixtures.step(shares)
                is_new = _is_new(step, tried)
                same = 0 if is_new else same + 1
                if is_new:
                    tried.append(step)
                    bar.update()
                    bar.set_postfix_str(f"worst {step.worst:.4f}")
                if not np.isfinite(step.worst):
                    break
                shares = reweight(shares, step.damages, rule.rate)
        return tried

    def _has_ended(self, tried: Sequence[Step]) -> bool:
        worst = [step.worst for step in tried]
        return len(tried) >= self.rule.steps or has_stalled(worst, self.rule.patience, self.rule.least_gain)

    def _step_back(self, mixtures: Mixtures, tried: Sequence[Step]) -> list[Step]:
        """Mixtures between the uniform one and the best, halving towards the one farthest out that keeps the mean."""
        uniform, best = tried[0], min(tried, key=lambda step: step.worst)
        if self._mean_is_kept(best, uniform):
            return []
        between: list[Step] = []
        kept, too_far = 0.0, 1.0
        for _ in tqdm(range(BACK_STEPS), desc="Keeping the mean", unit="mixture", disable=None):
            part = (kept + too_far) / 2
            shares = [(1 - part) * start + part * end for start, end in zip(uniform.shares, best.shares, strict=True)]
            step = mixtures.step(shares)
            if _is_new(step, [*tried, *between]):
                between.append(step)
            kept, too_far = (part, too_far) if self._mean_is_kept(step, uniform) else (kept, part)
        return between

    def _mean_is_kept(self, step: Step, uniform: Step) -> bool:
        # The uniform mixture is always one to fall back to, also where it breaks a language.
        return step is uniform or step.mean <= (1 + self.rule.mean_rise) * uniform.mean

    def _compare(self, mixtures: Mixtures, uniform: Step, best: Step) -> Losses:
        """KL of the uniform mixture and of the best one, paired by documents."""
        settings = self.config.evaluation
        assert settings is not None
        sums = {name: [mixtures.sums(step.shares)] for name, step in (("uniform", uniform), ("minimax", best))}
        return Losses.of(sums, "kl", settings.bootstrap_draws, settings.confidence, settings.seed)


def _is_new(step: Step, tried: Sequence[Step]) -> bool:
    """Whether no mixture of the same whole rows was tried, which would be the same set under another name."""
    return all(step.rows != other.rows for other in tried)


def _every_other_document(whole: Evaluation, first: int) -> Evaluation:
    """Half of the documents of every language, the even or the odd ones."""
    documents: dict[Language, list[HeldOutDocument]] = {}
    windows: dict[Language, list[Window]] = {}
    for language, of_it in whole.documents.items():
        documents[language] = list(of_it[first::2])
        kept = [window for window in whole.windows[language] if window.document % 2 == first]
        windows[language] = [replace(window, document=window.document // 2) for window in kept]
    return replace(whole, documents=documents, windows=windows)
