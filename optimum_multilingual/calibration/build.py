"""From a configuration to a calibration set: the one place where corpora, mixture, tokenizer and packing meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from ..config import MIN_SEQUENCE_LENGTH, MultilingualCalibrationConfig
from ..corpora import Corpus, Part, open_corpus, require_languages, shuffled_documents
from ..corpora.embedded import EmbeddedCorpus
from ..errors import ConfigError, CorpusExhaustedError
from ..languages import Language
from .calibration_set import CalibrationSet, Manifest, Row, fingerprint_of, hash_of
from .mixture import allocate, interleave, temper
from .packing import PackedRow, pack
from .tokenization import check_coverage, describe_tokenizer, tokenize

DEFAULT_NUM_ROWS = 128
DEFAULT_SEQUENCE_LENGTH = 2048
EMBEDDED_TOKENS_PER_LANGUAGE = 3072
EMBEDDED_SEQUENCE_LENGTH = 512

RECORDED_VERSIONS = ("optimum-multilingual", "transformers", "tokenizers", "torch")


@dataclass(frozen=True)
class Plan:
    """The sizes of a set, settled: rows of each language and tokens of each row."""

    rows: dict[Language, int]
    weights: dict[Language, float]
    sequence_length: int


def build_calibration_set(
    config: MultilingualCalibrationConfig, tokenizer: Any, max_length: int | None = None
) -> CalibrationSet:
    """Draws each language its share of text and packs it into rows.

        >>> config = MultilingualCalibrationConfig(languages=["en", "sw"], num_rows=8, sequence_length=128)
        >>> build_calibration_set(config, tokenizer).rows_of_languages()
        {'eng_Latn': 4, 'swh_Latn': 4}

    Args:
        config: languages, corpus, mixture, sizes and seed.
        tokenizer: the model's tokenizer.
        max_length: the model's longest sequence in tokens, if it has one.

    Raises:
        CorpusError: text that cannot be read; CorpusExhaustedError where a language has too little.
        TokenizerError: the tokenizer cannot encode a language.
        ConfigError: rows longer than the model allows.
    """
    languages = config.resolved_languages
    corpus = open_corpus(config.corpus, config.text_column, config.language_column)
    require_languages(corpus, languages)
    part: Part | None = None if has_evaluation_corpus(config) else "calibration"
    plan = _plan(config, corpus, part, max_length)
    prefix = row_prefix(tokenizer)
    packed = {
        language: _rows_of(language, plan, corpus, part, tokenizer, config, prefix)
        for language in tqdm(languages, desc="Building calibration set", unit="language", disable=None)
    }
    order = interleave([plan.rows[language] for language in languages])
    queues = {language: iter(rows) for language, rows in packed.items()}
    chosen = (languages[place] for place in order)
    rows = tuple(Row(language, np.array(next(queues[language]).input_ids, dtype=np.int32)) for language in chosen)
    return CalibrationSet(rows, _manifest(config, plan, corpus, tokenizer, prefix, rows, packed))


def has_evaluation_corpus(config: MultilingualCalibrationConfig) -> bool:
    """Whether evaluation has a corpus of its own; if not, a part of this one is kept for it, now or later."""
    return config.evaluation is not None and config.evaluation.corpus is not None


def row_prefix(tokenizer: Any) -> tuple[int, ...]:
    """The token that begins a sequence, once for every row, if the tokenizer has one."""
    return () if tokenizer.bos_token_id is None else (tokenizer.bos_token_id,)


def _plan(config: MultilingualCalibrationConfig, corpus: Corpus, part: Part | None, max_length: int | None) -> Plan:
    embedded = isinstance(corpus, EmbeddedCorpus)
    length = config.sequence_length or (EMBEDDED_SEQUENCE_LENGTH if embedded else DEFAULT_SEQUENCE_LENGTH)
    if config.sequence_length is None and max_length is not None:
        length = max(min(length, max_length), MIN_SEQUENCE_LENGTH)
    check_length("sequence_length", length, max_length)
    weights = _weights(config, corpus, part)
    if config.tokens_per_language is not None:
        return Plan(dict.fromkeys(weights, -(-config.tokens_per_language // length)), weights, length)
    num_rows = config.num_rows or _default_num_rows(len(weights), length, embedded)
    counts = allocate(num_rows, list(weights.values()))
    return Plan(dict(zip(weights, counts, strict=True)), weights, length)


def _default_num_rows(languages: int, length: int, embedded: bool) -> int:
    if embedded:
        return languages * max(1, EMBEDDED_TOKENS_PER_LANGUAGE // length)
    return max(DEFAULT_NUM_ROWS, languages)


def check_length(name: str, length: int, max_length: int | None) -> None:
    """Refuses sequences that the model was not made for.

    Raises:
        ConfigError: the length is beyond the model's maximum.
    """
    if max_length is not None and length > max_length:
        raise ConfigError(
            f"{name}={length} is beyond the model's maximum of {max_length} tokens; give at most {max_length}."
        )


def _weights(config: MultilingualCalibrationConfig, corpus: Corpus, part: Part | None) -> dict[Language, float]:
    languages = config.resolved_languages
    if config.weights is not None:
        return {language: config.weights[language] for language in languages}
    if config.mixture == "uniform":
        return dict.fromkeys(languages, 1.0)
    bar = tqdm(languages, desc="Measuring text", unit="language", disable=None)
    sizes = [_text_bytes(corpus, language, part) for language in bar]
    for language, size in zip(languages, sizes, strict=True):
        if size == 0:
            raise CorpusExhaustedError(_exhausted_message(language, 0, 1, "bytes"))
    return dict(zip(languages, temper(sizes, config.temperature), strict=True))


def _text_bytes(corpus: Corpus, language: Language, part: Part | None) -> int:
    documents = corpus.documents(language)
    return sum(len(document.text.encode()) for document in documents if part in (None, document.part))


def _rows_of(
    language: Language,
    plan: Plan,
    corpus: Corpus,
    part: Part | None,
    tokenizer: Any,
    config: MultilingualCalibrationConfig,
    prefix: tuple[int, ...],
) -> list[PackedRow]:
    documents = shuffled_documents(corpus, language, part, config.seed)
    tokenized = tokenize(documents, tokenizer, config.document_separator)
    counter = _TokenCounter(tokenized)
    rows = list(islice(pack(counter, plan.sequence_length, prefix), plan.rows[language]))
    if len(rows) < plan.rows[language]:
        needed = plan.rows[language] * (plan.sequence_length - len(prefix))
        raise CorpusExhaustedError(_exhausted_message(language, counter.tokens, needed, "tokens"))
    check_coverage((token for row in rows for token in row.input_ids), tokenizer, language.name)
    return rows


class _TokenCounter:
    """Passes documents through and remembers how many tokens there were."""

    def __init__(self, documents: Any):
        self.documents = documents
        self.tokens = 0

    def __iter__(self) -> Iterator[Any]:
        for document in self.documents:
            self.tokens += len(document.tokens)
            yield document


def _exhausted_message(language: Language, found: int, needed: int, unit: str) -> str:
    return (
        f"{language.name} ({language.tag}) has too little calibration text: {found:,} {unit} found, {needed:,} needed. "
        "Give a corpus= with more of it, ask for less (num_rows, tokens_per_language, sequence_length, or a smaller "
        "weight in mixture), or leave the language out."
    )


def _manifest(
    config: MultilingualCalibrationConfig,
    plan: Plan,
    corpus: Corpus,
    tokenizer: Any,
    prefix: tuple[int, ...],
    rows: tuple[Row, ...],
    packed: dict[Language, list[PackedRow]],
) -> Manifest:
    documents = {
        language.tag: {digest: id for row in of_language for id, digest in row.documents}
        for language, of_language in packed.items()
    }
    languages = {
        language.tag: {
            "rows": plan.rows[language],
            "tokens": plan.rows[language] * plan.sequence_length,
            "weight": plan.weights[language],
            "documents": len(documents[language.tag]),
        }
        for language in config.resolved_languages
    }
    kind = config.mixture if isinstance(config.mixture, str) else "weights"
    return Manifest(
        fingerprint=fingerprint_of(rows),
        languages=languages,
        sequence_length=plan.sequence_length,
        seed=config.seed,
        mixture={"kind": kind, "temperature": config.temperature},
        document_separator=config.document_separator,
        prefix=list(prefix),
        corpus=corpus.describe(),
        tokenizer=describe_tokenizer(tokenizer),
        versions=recorded_versions(),
        row_hashes=[hash_of(row) for row in rows],
        documents=documents,
    )


def recorded_versions() -> dict[str, str]:
    """Versions of the packages that decide what a set holds."""
    return {name.replace("-", "_"): metadata.version(name) for name in RECORDED_VERSIONS}
