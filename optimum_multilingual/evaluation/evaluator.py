"""Two passes over held-out text, before and after quantization, and what they say token by token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from ..calibration.calibration_set import Manifest
from ..calibration.encoding import TextEncoder
from ..calibration.plan import check_length
from ..calibration.source import TextSource
from ..config import EvaluationConfig, MultilingualCalibrationConfig
from ..corpora import open_corpus, part_for
from ..languages import Language
from .divergence import OutputHead, compare_states
from .held_out import HeldOutDocument, Window, cut_windows, first_token, hold_out
from .scoring import check_head, final_states, output_head

# Longest window, in tokens, where neither the config nor a calibration set says one.
DEFAULT_WINDOW = 512

# Enough to tell a right output head from a wrong one; whole logits of a long window can be gigabytes.
CHECKED_TOKENS = 16


@dataclass(frozen=True)
class Evaluation:
    """The text to measure on, cut and ordered once, so that both passes see the same batches.

    Args:
        documents: of each language.
        windows: of each language.
        settings: the user's.
        corpus: the description of the corpus the documents came from.
    """

    documents: Mapping[Language, Sequence[HeldOutDocument]]
    windows: Mapping[Language, Sequence[Window]]
    settings: EvaluationConfig
    corpus: dict[str, Any]


def prepare_evaluation(
    config: MultilingualCalibrationConfig,
    languages: Sequence[Language],
    tokenizer: Any,
    max_length: int | None,
    row_length: int | None = None,
    calibration: Manifest | None = None,
) -> Evaluation:
    """Draws the text to measure on and cuts it, before anything is known of a model but its tokenizer.

    Args:
        config: where text comes from and how it is measured.
        languages: those to measure, unless the config's evaluation names its own.
        tokenizer: the model's tokenizer.
        max_length: the model's longest sequence in tokens, if it has one.
        row_length: of the calibration rows, the longest window unless the config names another.
        calibration: manifest of the calibration set, so that none of its text is measured on.

    Raises:
        CorpusError, TokenizerError, ConfigError: as in `hold_out` and `build_calibration_set`.
    """
    settings = config.evaluation
    assert settings is not None, "there is nothing to prepare without an evaluation"
    shared = settings.corpus is None
    corpus = open_corpus(config.corpus if shared else settings.corpus, config.text_column, config.language_column)
    languages = settings.resolved_languages or languages
    part = part_for(corpus, "evaluation", shared)
    encoder = TextEncoder(tokenizer, separator="", messages=config.messages)
    source = TextSource(corpus, part, settings.seed, encoder, config.deduplicate)
    documents = hold_out(source, languages, tokenizer, settings, calibration)
    length = settings.sequence_length or row_length or min(DEFAULT_WINDOW, max_length or DEFAULT_WINDOW)
    check_length("evaluation.sequence_length", length, max_length)
    prefix = first_token(tokenizer)
    windows = {language: cut_windows(of_it, prefix, length) for language, of_it in documents.items()}
    return Evaluation(documents, windows, settings, corpus.describe())


@dataclass(frozen=True)
class Reference:
    """The reference model's final hidden states, hidden_size x 2 bytes a token in a 16-bit model, and its head."""

    states: Mapping[Language, list[torch.Tensor]]
    head: OutputHead


@dataclass(frozen=True)
class Measurement:
    """Everything measured in one language; all arrays but the last of shape [tokens].

    Args:
        document: place of each token's document.
        reference_nll: -log p(token) under the reference, nats.
        quantized_nll: the same under the quantized model.
        kl: KL(reference || quantized), nats.
        agree: whether both models' likeliest token is the same.
        num_bytes: UTF-8 length of each document, shape [documents].
    """

    document: np.ndarray
    reference_nll: np.ndarray
    quantized_nll: np.ndarray
    kl: np.ndarray
    agree: np.ndarray
    num_bytes: np.ndarray


def run_reference(model: Any, evaluation: Evaluation) -> Reference:
    """Scores the model as it is and keeps its final hidden states on the CPU.

    Raises:
        ModelError: its logits cannot be had from its hidden states.
    """
    head = output_head(model)
    check_head(model, head, next(iter(evaluation.windows.values()))[0].start(CHECKED_TOKENS))
    states = {}
    for language, windows in _progress(evaluation, "Scoring the reference"):
        batches = final_states(model, windows, evaluation.settings.batch_tokens)
        states[language] = [hidden.to("cpu") for _, hidden in batches]
    return Reference(states, head)


def run_quantized(model: Any, evaluation: Evaluation, reference: Reference) -> dict[Language, Measurement]:
    """Scores the quantized model on the same batches and compares it with the reference, token by token."""
    head = output_head(model)
    measured = {}
    for language, windows in _progress(evaluation, "Scoring the quantized model"):
        batches = final_states(model, windows, evaluation.settings.batch_tokens)
        columns = [
            _compare_batch(batch, hidden, kept, reference.head, head)
            for (batch, hidden), kept in zip(batches, reference.states[language], strict=True)
        ]
        num_bytes = np.array([document.num_bytes for document in evaluation.documents[language]])
        tokens = [np.concatenate(column) for column in zip(*columns, strict=True)]
        measured[language] = Measurement(tokens[0], tokens[1], tokens[2], tokens[3], tokens[4], num_bytes)
    return measured


def _compare_batch(
    batch: list[Window], hidden: torch.Tensor, kept: torch.Tensor, reference_head: OutputHead, head: OutputHead
) -> tuple[np.ndarray, ...]:
    device = head.weight.device
    targets = torch.from_numpy(np.concatenate([window.targets for window in batch]).astype(np.int64))
    scores = compare_states(kept.to(device), hidden.to(device), reference_head.to(device), head, targets.to(device))
    documents = np.repeat([window.document for window in batch], [len(window.targets) for window in batch])
    tensors = (scores.reference_nll, scores.quantized_nll, scores.kl, scores.agree)
    return documents, *(tensor.cpu().numpy() for tensor in tensors)


def _progress(evaluation: Evaluation, what: str) -> Any:
    return tqdm(evaluation.windows.items(), desc=what, unit="language", disable=None)
