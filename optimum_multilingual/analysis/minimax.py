"""The mixture whose worst language loses least, at a fixed number of rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..calibration.tokenization import load_tokenizer
from ..comparison import load_checkpoint
from ..config import DEFAULT_SEARCH_STEPS, MultilingualCalibrationConfig
from ..corpora import open_corpus
from ..errors import ConfigError
from ..evaluation.evaluator import prepare_evaluation
from ..model_checks import load_causal_lm_config, longest_sequence
from .minimax_result import MinimaxMixture
from .shares_search import SearchRule, SharesSearch, draw_pool
from .workbench import Workbench, find_calibrated_backend


def find_minimax_mixture(
    model: str | Path,
    config: MultilingualCalibrationConfig,
    steps: int = DEFAULT_SEARCH_STEPS,
    rate: float = 0.8,
    patience: int = 4,
    least_gain: float = 0.01,
    mean_rise: float = 0.01,
    device_map: Any = None,
) -> MinimaxMixture:
    """Searches the shares that lower the worst language's KL to the reference, at a fixed number of rows.

        >>> config = MultilingualCalibrationConfig("gptq", bits=3, languages=["en", "sw", "hi"], num_rows=96, corpus="texts/")
        >>> found = find_minimax_mixture("path/or/name", config)
        >>> print(found)
        >>> replace(config, mixture=found.shares)        # what the one line takes

    Begins with uniform shares, quantizes a copy of the model, measures every language's KL on tuning text, and lets shares grow
    where the damage is above the mean. Ends after `steps`, or when `patience` steps gained less than `least_gain`. Where
    the mean over languages has risen for it, two mixtures nearer to the uniform one are tried. The best that keeps the mean
    and the uniform one are then compared on tuning text that the search did not see; unless the worst language is
    better beyond noise there, the result is uniform, and says so.

    The reference is scored once, rows of every language are built once, and mixtures take the first ones. Tuning text is the
    part of `config.corpus` (or `config.evaluation.corpus`) that is held out: measure the result on other text. The one line
    does all of it with `mixture="minimax"`.

    Args:
        model: name or folder of the dense model.
        config: method, languages, corpus, seed, and the size as num_rows.
        steps: most quantizations to try, at least 2.
        rate: how fast shares follow damage, above 0 and at most 10.
        patience: steps without gain, or new shares in a row that give no new rows, before the search ends, at least 1.
        least_gain: what counts as gain, as a part of the worst damage, from 0 to below 1.
        mean_rise: how much the mean over languages may rise, as a part of what it is with uniform shares; infinite for no limit.
        device_map: as in `from_pretrained`, one device.

    Raises:
        ConfigError: one language, shares already given, no num_rows or no more than there are languages, no evaluation, a method
            that reads no text, or a setting of the search out of its range.
        CorpusExhaustedError: too little text in a language.

    Source: Hedge (Freund and Schapire 1997) on the worst group's loss, as in group DRO (Sagawa et al. 2020).
    """
    if config.mixture != "uniform" or config.calibration_set is not None:
        raise ConfigError("A minimax mixture finds the shares itself; leave mixture and calibration_set out.")
    if config.evaluation is not None and config.evaluation.tasks:
        raise ConfigError("The search measures text only; leave evaluation.tasks out.")
    rule = SearchRule(steps, rate, patience, least_gain, mean_rise)
    corpus = open_corpus(config.corpus, config.text_column, config.language_column)
    config = replace(config, mixture="minimax", corpus=corpus)
    find_calibrated_backend(config)
    upstream = load_causal_lm_config(model)
    tokenizer, longest = load_tokenizer(config.tokenizer, str(model)), longest_sequence(upstream)
    pool = draw_pool(config, tokenizer, longest)
    tuning = prepare_evaluation(
        config, config.resolved_languages, tokenizer, longest, pool.sequence_length, [pool.manifest]
    )
    bench = Workbench(load_checkpoint(model, device_map))
    return SharesSearch(config, pool, tuning, rule).run(bench)
