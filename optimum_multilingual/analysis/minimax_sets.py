"""`mixture="minimax"` in the one line: everything is prepared before the weights load, and shares are found when they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..calibration.build import identified
from ..calibration.calibration_set import CalibrationSet
from ..config import MultilingualCalibrationConfig
from ..corpora import open_corpus
from ..evaluation.evaluator import Evaluation, prepare_evaluation
from ..evaluation.processes import Processes
from ..report.plain_values import to_plain
from .minimax_result import MinimaxMixture
from .row_pool import RowPool
from .shares_search import SearchRule, SharesSearch, draw_pool
from .workbench import Workbench


@dataclass(frozen=True)
class MinimaxSets:
    """Calibration sets whose shares are searched once the model is in memory.

        corpus   calibration      rows of every language, of which each mixture takes the first
                 held out         measured on | tuned with: half for the search, half for its check

    What is measured on is what any other mixture would be measured on, and none of it is tuned with.

    Args:
        pools: the rows, with each seed.
        evaluation: the text to measure the result on.
        search: for the shares, with the rows of the first seed.
    """

    pools: tuple[RowPool, ...]
    evaluation: Evaluation
    search: SharesSearch

    @classmethod
    def prepare(cls, config: MultilingualCalibrationConfig, tokenizer: Any, max_length: int | None) -> MinimaxSets:
        """Draws all rows and all text.

        Raises:
            ConfigError: so few rows that there are no shares to choose from.
            CorpusError: a language has too little text to calibrate with, to measure on, or to tune with beside it.
            OverlapError: some of it is in two places.
        """
        settings = config.evaluation
        assert settings is not None
        if settings.corpus is not None:
            corpus = open_corpus(settings.corpus, config.text_column, config.language_column)
            settings = replace(settings, corpus=corpus)
            config = replace(config, evaluation=settings)
        seeds = range(config.seed, config.seed + config.seeds)
        pools = tuple(draw_pool(replace(config, seed=seed), tokenizer, max_length) for seed in seeds)
        manifests, length = [pool.manifest for pool in pools], pools[0].sequence_length
        languages = config.resolved_languages
        evaluation = prepare_evaluation(config, languages, tokenizer, max_length, length, manifests)
        without_tasks = replace(config, evaluation=replace(settings, tasks=()))
        tuning = prepare_evaluation(
            without_tasks, languages, tokenizer, max_length, length, manifests, after=evaluation
        )
        rule = SearchRule(config.search_steps)
        return cls(pools, evaluation, SharesSearch(without_tasks, pools[0], tuning, rule))

    def find(self, model: Any) -> list[CalibrationSet]:
        """Searches the shares on a loaded model, which stays as it is, and gives the set of each seed with them."""
        found = self.search.run(Workbench(model, processes=Processes.current()))
        shares, described = list(found.shares.values()), described_search(found)
        sets = [pool.mixture(shares, described) for pool in self.pools]
        if self.search.config.identify_languages:
            sets = [identified(each, pool.tokenizer) for each, pool in zip(sets, self.pools, strict=True)]
        return sets


def described_search(found: MinimaxMixture) -> Mapping[str, Any]:
    """What a manifest says of shares that were searched; they themselves are in its rows."""
    return {
        "kind": "minimax",
        "temperature": 1.0,
        "steps": len(found.steps),
        "improved": found.improved,
        "best_is_uniform": found.best_is_uniform,
        "worst_change": to_plain(found.worst_change),
        "mean_change": to_plain(found.mean_change),
    }
