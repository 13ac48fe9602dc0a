"""What the linear layers of a model receive in each language, channel by channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from ..backends.layer_checks import fused_experts
from ..calibration.asked_set import calibration_set_of, languages_of
from ..calibration.calibration_set import CalibrationSet
from ..calibration.tokenization import load_tokenizer
from ..comparison import load_checkpoint
from ..config import MultilingualCalibrationConfig
from ..corpora import open_corpus
from ..errors import ConfigError, ModelError
from ..evaluation.activation_ranges import windows_of_rows
from ..evaluation.evaluator import prepare_evaluation
from ..evaluation.held_out import Window
from ..evaluation.layer_inputs import InputSummaries, LayerInput, find_layer_inputs
from ..evaluation.processes import Processes
from ..evaluation.scoring import Scorer, make_batches
from ..model_checks import load_causal_lm_config, longest_sequence, public_name, require_text_only
from .activations_result import CALIBRATION, Activations
from .moments import ChannelStatistics, Moments, measure_moments
from .patterns import pooled_pattern

# Beyond these quantiles of a layer input's values a value is an outlier.
OUTLIERS = 0.01

Thresholds = Mapping[str, tuple[float, float]]


def measure_activations(
    model: str | Path, config: MultilingualCalibrationConfig, device_map: Any = None
) -> Activations:
    """Measures the inputs of all linear layers, channel by channel, in each language and in the calibration rows.

        >>> config = MultilingualCalibrationConfig(
        ...     languages=["en", "sw"], corpus="my_texts/", evaluation=EvaluationConfig(languages=["en", "sw", "ha"])
        ... )
        >>> found = measure_activations("path/or/name", config)
        >>> print(found)                        # which languages go beyond the calibration rows, and who is like whom

    The rows are those that the one line would calibrate on, the languages and their held-out text those that it would measure.
    Each text is read once; memory grows with channels and not with tokens. Layers that receive the same tensor count once.
    Under `accelerate launch` or `torchrun` the processes share the languages.

    Args:
        model: name or folder of the dense model.
        config: languages, corpus, sizes and seed; its method is not used.
        device_map: as in `from_pretrained`.

    Raises:
        ConfigError: no evaluation, or downstream tasks in it.
        CorpusError: text is missing in a language, or too little.
        ModelError: the model reads more than text, is no causal language model, is quantized, or has no linear layer that sees
            every token.
        ProcessError: another process failed.

    Source: outliers and patterns after D. Paglieri et al., "Outliers and calibration sets have diminishing effect on
    quantization of modern LLMs" (2024); ranges as the cause of failures after "Calibrating Beyond English" (2026).
    """
    if config.evaluation is None or config.evaluation.tasks:
        raise ConfigError("Activations are measured on held-out text; give an evaluation, and no tasks in it.")
    upstream = load_causal_lm_config(model)
    if getattr(upstream, "quantization_config", None) is not None:
        raise ModelError(
            f"{model} is already quantized; activations are those of a dense model, give the full-precision one."
        )
    tokenizer, longest = load_tokenizer(config.tokenizer, str(model)), longest_sequence(upstream)
    config = replace(config, corpus=open_corpus(config.corpus, config.text_column, config.language_column))
    rows = calibration_set_of(config, tokenizer, longest)
    assert config.evaluation is not None
    languages = config.evaluation.resolved_languages or languages_of(config, rows)
    manifest = rows.manifest
    evaluation = prepare_evaluation(config, languages, tokenizer, longest, manifest.sequence_length, [manifest])
    processes = Processes.current()
    loaded = load_checkpoint(model, device_map)
    require_text_only(loaded)
    inputs = find_layer_inputs(loaded)
    thresholds = outlier_thresholds(loaded, inputs, rows)
    texts = {
        CALIBRATION: windows_of_rows(rows),
        **{language.tag: evaluation.windows[language] for language in languages},
    }

    def measure() -> dict[Any, Any]:
        mine = {tag: texts[tag] for _, tag in processes.share(texts)}
        return _measure_texts(loaded, inputs, thresholds, mine, evaluation.settings.batch_tokens, processes.is_main)

    measured = processes.together(measure)
    whole = tuple(each for each in inputs if all(each.name in of_it for of_it, _ in measured.values()))
    if not whole:
        raise ModelError(
            f"No linear layer of {type(loaded).__name__} sees every token, so there are no activations to compare."
        )
    statistics = {tag: {each.name: measured[tag][0][each.name] for each in whole} for tag in texts}
    return Activations(
        model=public_name(str(model)),
        inputs=whole,
        left_out=(*(name for each in inputs if each not in whole for name in each.layers), *fused_experts(loaded)),
        calibrated=tuple(language.tag for language in rows.languages),
        calibration=statistics[CALIBRATION],
        languages={language.tag: statistics[language.tag] for language in languages},
        patterns={tag: {each.name: measured[tag][1][each.name] for each in whole} for tag in texts},
    )


def outlier_thresholds(model: Any, inputs: Sequence[LayerInput], rows: CalibrationSet) -> Thresholds:
    """The 1 % and the 99 % quantile of all values of a layer input, channels together.

    That of each calibration language's first row, and of these the mean, so that each language counts once.
    """
    first = {row.language: window for row, window in reversed(list(zip(rows, windows_of_rows(rows), strict=True)))}
    summaries = InputSummaries(model, inputs, lambda _, values: quantiles(values), lambda a, b: a + b)
    scorer = Scorer(model, summaries)
    hidden = None if Processes.current().is_main else True
    for window in tqdm(first.values(), desc="Finding outlier thresholds", unit="row", disable=hidden):
        scorer.states([window])
    return {name: tuple((total / len(first)).tolist()) for name, total in summaries.take().items()}


def quantiles(values: torch.Tensor) -> torch.Tensor:
    """Value at the 1 % and at the 99 % rank, shape [2]; the nearest rank, for `torch.quantile` ends at 16 million values."""
    flat = values.flatten()
    rank = max(1, round(OUTLIERS * len(flat)))
    return torch.stack([flat.kthvalue(rank).values, flat.kthvalue(len(flat) + 1 - rank).values]).double().cpu()


def _measure_texts(
    model: Any,
    inputs: Sequence[LayerInput],
    thresholds: Thresholds,
    texts: Mapping[str, Sequence[Window]],
    batch_tokens: int,
    shows_progress: bool,
) -> dict[str, tuple[dict[str, ChannelStatistics], dict[str, np.ndarray]]]:
    """Statistics and patterns of each text, by layer input."""

    def moments(each: LayerInput, values: torch.Tensor) -> Moments:
        return measure_moments(values, *thresholds[each.name])

    seen_whole = [each for each in inputs if each.name in thresholds]
    summaries = InputSummaries(model, seen_whole, moments, lambda a, b: a + b)
    patterns = InputSummaries(model, seen_whole, lambda _, values: pooled_pattern(values), lambda first, _: first)
    begin, go_on = Scorer(model, summaries, patterns), Scorer(model, summaries)
    measured = {}
    tokens = sum(len(window.targets) for windows in texts.values() for window in windows)
    hidden = None if shows_progress else True
    with tqdm(total=tokens, desc="Measuring activations", unit="token", disable=hidden) as bar:
        for tag, windows in texts.items():
            bar.set_postfix_str(tag)
            for place, batch in enumerate(make_batches(windows, batch_tokens)):
                (go_on if place else begin).states(batch)
                bar.update(sum(len(window.targets) for window in batch))
            statistics = {name: ChannelStatistics.of(of_it) for name, of_it in summaries.take().items()}
            measured[tag] = statistics, patterns.take()
    return measured
