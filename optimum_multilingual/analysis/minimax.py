"""The mixture whose worst language loses least, at a fixed number of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm
from transformers import AutoConfig

from ..calibration.calibration_set import CalibrationSet
from ..calibration.tokenization import load_tokenizer
from ..comparison import load_checkpoint
from ..config import MultilingualCalibrationConfig
from ..corpora import open_corpus
from ..errors import ConfigError
from ..evaluation.evaluator import Evaluation, Measurement, Reference, prepare_evaluation
from ..evaluation.held_out import HeldOutDocument, Window
from ..evaluation.processes import Processes
from ..languages import Language
from ..model_checks import longest_sequence
from ..report.pooling import document_sums
from ..settings import require_int
from .hedge import has_stalled, reweight
from .minimax_result import MinimaxMixture, Step
from .ranking import Losses
from .row_pool import RowPool
from .workbench import Workbench, find_calibrated_backend

# A language gets at most this many times its uniform share; beyond it, little text is left for the others.
MOST_OF_UNIFORM = 6

# With it a language that is a tenth above the mean damage grows 2.7 times in one step; beyond it, steps only jump.
MOST_RATE = 10


def find_minimax_mixture(
    model: str | Path,
    config: MultilingualCalibrationConfig,
    steps: int = 12,
    rate: float = 0.8,
    patience: int = 4,
    least_gain: float = 0.01,
    device_map: Any = None,
) -> MinimaxMixture:
    """Searches the shares that lower the worst language's KL to the reference, at a fixed number of rows.

        >>> config = MultilingualCalibrationConfig("gptq", bits=3, languages=["en", "sw", "hi"], num_rows=96, corpus="texts/")
        >>> found = find_minimax_mixture("path/or/name", config)
        >>> print(found)
        >>> replace(config, mixture=found.shares)        # what the one line takes

    Begins with uniform shares, quantizes a copy of the model, measures every language's KL on tuning text, and lets shares grow
    where the damage is above the mean. Ends after `steps`, or when `patience` steps gained less than `least_gain`. The best
    mixture and the uniform one are then compared on tuning text that the search did not see; unless the worst language is
    better beyond noise there, the result is uniform, and says so.

    The reference is scored once, rows of every language are built once, and mixtures take the first ones. Tuning text is the
    part of `config.corpus` (or `config.evaluation.corpus`) that is held out: measure the result on other text.

    Args:
        model: name or folder of the dense model.
        config: method, languages, corpus, seed, and the size as num_rows.
        steps: most quantizations to try, at least 2.
        rate: how fast shares follow damage, above 0 and at most 10.
        patience: steps without gain before the search ends, at least 1.
        least_gain: what counts as gain, as a part of the worst damage, from 0 to below 1.
        device_map: as in `from_pretrained`, one device.

    Raises:
        ConfigError: one language, shares already given, no num_rows, no evaluation, a method that reads no text, or a setting of
            the search out of its range.
        CorpusExhaustedError: too little text in a language.

    Source: Hedge (Freund and Schapire 1997) on the worst group's loss, as in group DRO (Sagawa et al. 2020).
    """
    _check(config)
    _check_search(steps, rate, patience, least_gain)
    find_calibrated_backend(config)
    upstream = AutoConfig.from_pretrained(str(model))
    tokenizer, longest = load_tokenizer(config.tokenizer, str(model)), longest_sequence(upstream)
    corpus = open_corpus(config.corpus, config.text_column, config.language_column)
    config, languages = replace(config, corpus=corpus), config.resolved_languages
    assert config.num_rows is not None
    most = min(config.num_rows, -(-MOST_OF_UNIFORM * config.num_rows // len(languages)))
    pool = RowPool.build(config, config.num_rows, most, tokenizer, longest)
    manifests = [of_it.manifest for of_it in pool.sets.values()]
    whole = prepare_evaluation(config, languages, tokenizer, longest, manifests[0].sequence_length, manifests)
    search, check = (_every_other_document(whole, first) for first in (0, 1))
    bench = Workbench(load_checkpoint(model, device_map or {"": Processes.current().device}))
    references = {"search": bench.score(search), "check": bench.score(check)}
    tried = _search(bench, config, pool, search, references["search"], steps, rate, patience, least_gain)
    best = min(tried, key=lambda step: step.worst)
    losses = _check_on_other_text(bench, config, pool, [tried[0], best], check, references["check"])
    return MinimaxMixture.of(pool.languages, tried, best, losses, dict(bench.seconds))


def _check(config: MultilingualCalibrationConfig) -> None:
    if config.num_rows is None:
        raise ConfigError("A minimax mixture divides a fixed number of rows; give num_rows.")
    if config.mixture != "uniform" or config.calibration_set is not None:
        raise ConfigError("A minimax mixture finds the shares itself; leave mixture and calibration_set out.")
    if len(config.languages) < 2:
        raise ConfigError(f"A mixture is of two or more languages, got {len(config.languages)}.")
    if config.evaluation is None or config.evaluation.languages:
        raise ConfigError("The languages of the mixture are measured; give an evaluation without languages of its own.")
    if config.evaluation.tasks:
        raise ConfigError("The search measures text only; leave evaluation.tasks out.")


def _check_search(steps: int, rate: float, patience: int, least_gain: float) -> None:
    # The first step is the uniform mixture.
    require_int("steps", steps, 2)
    require_int("patience", patience, 1)
    if not 0 < rate <= MOST_RATE:
        raise ConfigError(f"rate must be a number above 0 and at most {MOST_RATE}, got {rate!r}; the default is 0.8.")
    if not 0 <= least_gain < 1:
        raise ConfigError(f"least_gain must be a part from 0 to below 1, got {least_gain!r}; 0.01 is one percent.")


def _search(
    bench: Workbench,
    config: MultilingualCalibrationConfig,
    pool: RowPool,
    evaluation: Evaluation,
    reference: Reference,
    steps: int,
    rate: float,
    patience: int,
    least_gain: float,
) -> list[Step]:
    shares = [1 / len(pool.languages)] * len(pool.languages)
    tried: list[Step] = []
    with tqdm(total=steps, desc="Searching shares", unit="mixture", disable=None) as bar:
        while len(tried) < steps and not has_stalled([step.worst for step in tried], patience, least_gain):
            measured = _quantize_and_compare(bench, config, pool.mixture(shares), evaluation, reference)
            damages = [float(of_it.kl.mean(dtype=np.float64)) for of_it in measured.values()]
            tried.append(Step(tuple(shares), tuple(pool.counts(shares)), tuple(damages)))
            bar.update()
            bar.set_postfix_str(f"worst {tried[-1].worst:.4f}")
            if not all(map(np.isfinite, damages)):
                break
            shares = reweight(shares, damages, rate)
    return tried


def _check_on_other_text(
    bench: Workbench,
    config: MultilingualCalibrationConfig,
    pool: RowPool,
    steps: Sequence[Step],
    evaluation: Evaluation,
    reference: Reference,
) -> Losses:
    """KL of the uniform mixture and of the best one on text that the search did not see, paired by documents."""
    assert config.evaluation is not None
    sums = {}
    for name, step in zip(("uniform", "minimax"), steps, strict=True):
        measured = _quantize_and_compare(bench, config, pool.mixture(step.shares), evaluation, reference)
        sums[name] = [{language.tag: document_sums(of_it) for language, of_it in measured.items()}]
    settings = config.evaluation
    return Losses.of(sums, "kl", settings.bootstrap_draws, settings.confidence, settings.seed)


def _quantize_and_compare(
    bench: Workbench,
    config: MultilingualCalibrationConfig,
    calibration_set: CalibrationSet,
    evaluation: Evaluation,
    reference: Reference,
) -> Mapping[Language, Measurement]:
    quantized, backend = bench.quantize(config, calibration_set)
    return bench.compare(quantized, backend, evaluation, reference)


def _every_other_document(whole: Evaluation, first: int) -> Evaluation:
    """Half of the documents of every language, the even or the odd ones."""
    documents: dict[Language, list[HeldOutDocument]] = {}
    windows: dict[Language, list[Window]] = {}
    for language, of_it in whole.documents.items():
        documents[language] = list(of_it[first::2])
        kept = [window for window in whole.windows[language] if window.document % 2 == first]
        windows[language] = [replace(window, document=window.document // 2) for window in kept]
    return replace(whole, documents=documents, windows=windows)
