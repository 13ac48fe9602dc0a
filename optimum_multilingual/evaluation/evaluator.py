"""Two passes over held-out text, before and after quantization, and what they say token by token."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
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
from ..errors import ProcessError
from ..languages import Language
from .activation_ranges import Ranges, added_ranges, range_counter
from .divergence import OutputHead, compare_states
from .downstream import Answers, Downstream, Task, prepare_downstream
from .experts import Counts, ExpertCounter, added, warn_of_uncounted_experts
from .held_out import HeldOutDocument, Window, check_stride, cut_windows, first_token, hold_out
from .processes import Processes
from .scoring import CHECKED_TOKENS, Scorer, check_head, make_batches, output_head, targets_of
from .state_store import StateStore

# Longest window, in tokens, where neither the config nor a calibration set says one.
DEFAULT_WINDOW = 512

# Windows that are scored a second time to see what rounding does.
NOISE_WINDOWS = 8


@dataclass(frozen=True)
class Evaluation:
    """The text to measure on, cut once, so that both passes make the same batches of it.

    Args:
        documents: of each language.
        windows: of each language.
        settings: the user's, with the window settled.
        corpus: the description of the corpus the documents came from.
        downstream: the tasks to run beside it; None for none.
    """

    documents: Mapping[Language, Sequence[HeldOutDocument]]
    windows: Mapping[Language, Sequence[Window]]
    settings: EvaluationConfig
    corpus: dict[str, Any]
    downstream: Downstream | None = None


def prepare_evaluation(
    config: MultilingualCalibrationConfig,
    languages: Sequence[Language],
    tokenizer: Any,
    max_length: int | None,
    row_length: int | None = None,
    calibrations: Sequence[Manifest] = (),
    after: Evaluation | None = None,
) -> Evaluation:
    """Draws the text to measure on and cuts it, before anything is known of a model but its tokenizer.

    Args:
        config: where text comes from and how it is measured.
        languages: those to measure.
        tokenizer: the model's tokenizer.
        max_length: the model's longest sequence in tokens, if it has one.
        row_length: of the calibration rows, the longest window unless the config names another.
        calibrations: manifests of the calibration sets, so that none of their text is measured on.
        after: an evaluation on the same corpus whose documents are left to it; those that come next are drawn.

    Raises:
        CorpusError, TokenizerError, ConfigError: as in `hold_out` and `build_calibration_set`.
    """
    settings = config.evaluation
    assert settings is not None, "there is nothing to prepare without an evaluation"
    shared = settings.corpus is None
    corpus = open_corpus(config.corpus if shared else settings.corpus, config.text_column, config.language_column)
    part = part_for(corpus, "evaluation", shared)
    encoder = TextEncoder(tokenizer, separator="", messages=config.messages)
    source = TextSource(corpus, part, settings.seed, encoder, config.deduplicate)
    passed = {} if after is None else {language: len(of_it) for language, of_it in after.documents.items()}
    documents = hold_out(source, languages, tokenizer, settings, calibrations, passed)
    length = settings.sequence_length or row_length or min(DEFAULT_WINDOW, max_length or DEFAULT_WINDOW)
    check_length("evaluation.sequence_length", length, max_length)
    prefix = first_token(tokenizer)
    check_stride(settings.stride, length)
    windows = {language: cut_windows(of_it, prefix, length, settings.stride) for language, of_it in documents.items()}
    settings = replace(settings, sequence_length=length)
    downstream = prepare_downstream(settings, languages, tokenizer)
    return Evaluation(documents, windows, settings, corpus.describe(), downstream)


@dataclass(frozen=True)
class Reference:
    """What is kept of the reference.

    Args:
        states: its final hidden states by language and batch, hidden_size x 2 bytes a token in a 16-bit model; of the
            batches that this process scores.
        head: what makes logits of them.
        noise_floor: relative change of the loss when the same text comes in batches of another shape; None where that could not
            be measured.
        answers: to the downstream tasks, by task.
        experts: scored tokens of each language at each expert of each layer; nothing for a dense model.
        ranges: smallest and largest activation of each channel in each language; nothing where they were not watched.
    """

    states: StateStore
    head: OutputHead
    noise_floor: float | None
    answers: Mapping[str, Answers]
    experts: Mapping[Language, Counts]
    ranges: Mapping[Language, Ranges]


@dataclass(frozen=True)
class Measurement:
    """Everything measured in one language.

    Args:
        document: place of each token's document, shape [tokens].
        reference_nll, quantized_nll, kl, reverse_kl, agree, overlap: as in `TokenScores`, shape [tokens].
        documents: id of each document, shape [documents].
        num_bytes: UTF-8 length of each document, shape [documents].
        num_characters: code points of each document, shape [documents].
    """

    document: np.ndarray
    reference_nll: np.ndarray
    quantized_nll: np.ndarray
    kl: np.ndarray
    reverse_kl: np.ndarray
    agree: np.ndarray
    overlap: np.ndarray
    documents: tuple[str, ...]
    num_bytes: np.ndarray
    num_characters: np.ndarray


def run_reference(
    model: Any, evaluation: Evaluation, processes: Processes | None = None, watch_ranges: bool = False
) -> Reference:
    """Scores the model as it is and keeps its final hidden states.

    Args:
        model: the reference.
        evaluation: the text.
        processes: those that share the work; None for all that were launched together, `Processes()` for this one alone.
        watch_ranges: keep the smallest and largest activation of each channel too.

    Raises:
        ModelError: its logits cannot be had from its hidden states.
    """
    head = output_head(model)
    first = next(iter(evaluation.windows.values()))
    settings = evaluation.settings
    states = StateStore(settings.reference_memory, settings.reference_device_memory)
    counter, processes = ExpertCounter(model), processes or Processes.current()
    watcher = range_counter(model) if watch_ranges else None
    scorer = Scorer(model, counter) if watcher is None else Scorer(model, counter, watcher)
    if processes.is_main:
        warn_of_uncounted_experts(model)

    def score() -> dict[Any, Any]:
        check_head(model, head, first[0].start(CHECKED_TOKENS))
        noise_floor = _noise_floor(model, head, first, settings.batch_tokens)
        experts: dict[Language, Counts] = {}
        ranges: dict[Language, Ranges] = {}
        for language, place, batch in _batches(evaluation, processes, "Scoring the reference"):
            states.put((language, place), scorer.states(batch))
            experts[language] = added(experts.get(language, {}), counter.take())
            if watcher is not None:
                ranges[language] = added_ranges(ranges.get(language, {}), watcher.take())
        return {processes.rank: (digest_of(evaluation), noise_floor, experts, ranges)}

    of_processes = processes.together(score)
    if len({digest for digest, *_ in of_processes.values()}) > 1:
        raise ProcessError(
            "The processes drew different evaluation text, so their scores cannot be put together; give all of them the same "
            "files, commits and seed."
        )
    answers = {} if evaluation.downstream is None else evaluation.downstream.answers(model)
    parts = [(experts, ranges) for *_, experts, ranges in of_processes.values()]
    languages = evaluation.windows
    experts = {language: reduce(added, [part.get(language, {}) for part, _ in parts]) for language in languages}
    ranges = {language: reduce(added_ranges, [part.get(language, {}) for _, part in parts]) for language in languages}
    return Reference(states, head, of_processes[0][1], answers, experts, ranges if watch_ranges else {})


def digest_of(evaluation: Evaluation) -> str:
    """SHA-256 over the windows of all languages: equal text, cut alike, has an equal one."""
    digest = hashlib.sha256()
    for language, windows in evaluation.windows.items():
        digest.update(language.tag.encode())
        for window in windows:
            digest.update(window.input_ids.tobytes())
    return digest.hexdigest()


def _noise_floor(model: Any, head: OutputHead, windows: Sequence[Window], batch_tokens: int) -> float | None:
    """Scores the first windows of one language in a whole batch and each on its own; None where there is no batch."""
    scorer, batch = Scorer(model), make_batches(windows, batch_tokens)[0]
    if len(batch) == 1:
        batch = make_batches(windows[:2], sum(len(window.input_ids) for window in windows[:2]) * 2)[0]
    if len(batch) == 1:
        return None
    windows = batch[:NOISE_WINDOWS]
    targets = targets_of(windows)
    device = head.weight.device
    together = scorer.states(batch)[: len(targets)].to(device)
    apart = torch.cat([scorer.states([window]) for window in windows]).to(device)
    scores = compare_states(together, apart, head, head, targets.to(device))
    floor = abs(scores.quantized_nll.sum() / scores.reference_nll.sum() - 1).item()
    return floor if math.isfinite(floor) else None


def run_quantized(
    model: Any, evaluation: Evaluation, reference: Reference, processes: Processes | None = None
) -> dict[Language, Measurement]:
    """Scores the quantized model on the same batches and compares it with the reference, token by token.

    Under `accelerate launch` every process scores its share of the batches and gets the measurement of all.

    Args:
        model: the quantized one.
        evaluation: the text.
        reference: what `run_reference` kept, with the same processes.
        processes: as in `run_reference`.

    Raises:
        ProcessError: another process failed.
    """
    head, scorer, processes = output_head(model), Scorer(model), processes or Processes.current()

    def score() -> dict[Any, Any]:
        first = next(iter(evaluation.windows.values()))[0]
        check_head(model, head, first.start(CHECKED_TOKENS), may_be_broken=True)
        return {
            (language, place): _compare_batch(
                batch, scorer.states(batch), reference.states.get((language, place)), reference.head, head
            )
            for language, place, batch in _batches(evaluation, processes, "Scoring the quantized model")
        }

    scored = processes.together(score)
    measured = {}
    for language, documents in evaluation.documents.items():
        parts = [scored[key] for key in sorted(key for key in scored if key[0] == language)]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        measured[language] = Measurement(
            **columns,
            documents=tuple(document.id for document in documents),
            num_bytes=np.array([document.num_bytes for document in documents]),
            num_characters=np.array([document.num_characters for document in documents]),
        )
    return measured


def run_tasks(model: Any, evaluation: Evaluation, reference: Reference) -> list[tuple[Task, Answers, Answers]]:
    """Runs the downstream tasks on the quantized model: each task with the answers before and after."""
    if evaluation.downstream is None:
        return []
    answers = evaluation.downstream.answers(model)
    return [(task, reference.answers[task.name], answers[task.name]) for task in evaluation.downstream.tasks]


def _batches(evaluation: Evaluation, processes: Processes, what: str) -> Iterator[tuple[Language, int, list[Window]]]:
    """This process's batches, with their place among all of the language."""
    batches = [
        (language, place, batch)
        for language, windows in evaluation.windows.items()
        for place, batch in enumerate(make_batches(windows, evaluation.settings.batch_tokens))
    ]
    # Languages together: one with a single batch would always go to the first process.
    mine = [batch for _, batch in processes.share(batches, lambda batch: sum(len(each.input_ids) for each in batch[2]))]
    tokens = sum(len(window.targets) for _, _, batch in mine for window in batch)
    with tqdm(total=tokens, desc=what, unit="token", disable=None if processes.is_main else True) as bar:
        for language, place, batch in mine:
            bar.set_postfix_str(language.name)
            yield language, place, batch
            bar.update(sum(len(window.targets) for window in batch))


def _compare_batch(
    batch: list[Window], hidden: torch.Tensor, kept: torch.Tensor, reference_head: OutputHead, head: OutputHead
) -> dict[str, np.ndarray]:
    device = head.weight.device
    targets = targets_of(batch)
    scores = compare_states(kept.to(device), hidden.to(device), reference_head.to(device), head, targets.to(device))
    columns = {item.name: getattr(scores, item.name).cpu().numpy() for item in fields(scores)}
    places = np.repeat([window.document for window in batch], [len(window.targets) for window in batch])
    return {"document": places, **columns}
