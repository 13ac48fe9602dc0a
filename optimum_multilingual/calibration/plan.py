"""How many rows each language gets, from whichever way the size was given."""

from __future__ import annotations

from dataclasses import dataclass

from tqdm.auto import tqdm

from ..config import MultilingualCalibrationConfig
from ..corpora import StreamedCorpus
from ..corpora.embedded import EmbeddedCorpus
from ..errors import ConfigError, CorpusExhaustedError
from ..languages import Language
from ..settings import MIN_SEQUENCE_LENGTH
from .mixture import allocate, temper
from .source import TextSource

DEFAULT_NUM_ROWS = 128
DEFAULT_SEQUENCE_LENGTH = 2048
EMBEDDED_TOKENS_PER_LANGUAGE = 3072
EMBEDDED_SEQUENCE_LENGTH = 512


@dataclass(frozen=True)
class Plan:
    """The sizes of a set, settled.

    Args:
        rows: of each language, in the order languages were given.
        weights: asked for, of any sum.
        sequence_length: tokens of every row.
    """

    rows: dict[Language, int]
    weights: dict[Language, float]
    sequence_length: int


def plan_sizes(
    config: MultilingualCalibrationConfig, source: TextSource, max_length: int | None, prefix_length: int
) -> Plan:
    """Settles rows and their length.

    Args:
        config: shares and size.
        source: the text, which is measured where shares or size depend on it.
        max_length: the model's longest sequence in tokens, if it has one.
        prefix_length: tokens of a row that are not text.

    Raises:
        ConfigError: rows longer than the model allows, or shares by a corpus too large to be measured.
        CorpusExhaustedError: a language has less text than was asked for in bytes or characters, or none at all.
    """
    embedded = isinstance(source.corpus, EmbeddedCorpus)
    length = config.sequence_length or (EMBEDDED_SEQUENCE_LENGTH if embedded else DEFAULT_SEQUENCE_LENGTH)
    if config.sequence_length is None and max_length is not None:
        length = max(min(length, max_length), MIN_SEQUENCE_LENGTH)
    check_length("sequence_length", length, max_length)
    weights = _weights(config, source)
    room = length - prefix_length
    if config.tokens_per_language is not None:
        return Plan(dict.fromkeys(weights, -(-config.tokens_per_language // length)), weights, length)
    if config.bytes_per_language is not None:
        rows = _rows_for_text(source, tuple(weights), "num_bytes", config.bytes_per_language, room)
        return Plan(rows, weights, length)
    if config.characters_per_language is not None:
        rows = _rows_for_text(source, tuple(weights), "num_characters", config.characters_per_language, room)
        return Plan(rows, weights, length)
    num_rows = _num_rows(config, length, embedded)
    if num_rows < len(weights):
        raise ConfigError(
            f"total_tokens={config.total_tokens} is {num_rows} rows of {length} tokens, which cannot hold {len(weights)} "
            f"languages; give at least {len(weights) * length}, or a smaller sequence_length."
        )
    counts = allocate(num_rows, list(weights.values()))
    return Plan(dict(zip(weights, counts, strict=True)), weights, length)


def _num_rows(config: MultilingualCalibrationConfig, length: int, embedded: bool) -> int:
    languages = len(config.resolved_languages)
    if config.total_tokens is not None:
        return config.total_tokens // length
    if config.num_rows is not None:
        return config.num_rows
    if embedded:
        return languages * max(1, EMBEDDED_TOKENS_PER_LANGUAGE // length)
    return max(DEFAULT_NUM_ROWS, languages)


def _rows_for_text(
    source: TextSource, languages: tuple[Language, ...], unit: str, wanted: int, room: int
) -> dict[Language, int]:
    """Rows that hold the same amount of text in every language, however many tokens a tokenizer cuts it into."""
    rows = {}
    for language in tqdm(languages, desc="Measuring text", unit="language", disable=None):
        amount = tokens = 0
        for document in source.draw(language):
            amount += getattr(document, unit)
            tokens += len(document.tokens)
            if amount >= wanted:
                break
        if amount < wanted:
            copies = source.counts[language].duplicates
            raise exhausted(language, amount, wanted, unit.removeprefix("num_"), copies)
        rows[language] = max(1, round(tokens * wanted / amount / room))
    return rows


def _weights(config: MultilingualCalibrationConfig, source: TextSource) -> dict[Language, float]:
    languages = config.resolved_languages
    if config.weights is not None:
        return {language: config.weights[language] for language in languages}
    if config.mixture == "uniform":
        return dict.fromkeys(languages, 1.0)
    if config.mixture == "minimax":
        raise ConfigError(
            "mixture='minimax' finds the shares on a model in memory: give it to from_pretrained (`quantize`), or search them "
            "with find_minimax_mixture (`minimax`) and give what it finds as weights."
        )
    if isinstance(source.corpus, StreamedCorpus):
        raise ConfigError(
            "mixture='proportional' measures all text of every language, and this corpus is far too large to be read to "
            "its end; give the shares as weights, such as mixture={'en': 5, 'sw': 1}."
        )
    bar = tqdm(languages, desc="Measuring text", unit="language", disable=None)
    sizes = [source.num_bytes(language) for language in bar]
    for language, size in zip(languages, sizes, strict=True):
        if size == 0:
            raise exhausted(language, 0, 1, "bytes")
    return dict(zip(languages, temper(sizes, config.temperature), strict=True))


def check_length(name: str, length: int, max_length: int | None) -> None:
    """Refuses sequences that the model was not made for.

    Raises:
        ConfigError: the length is beyond the model's maximum.
    """
    if max_length is not None and length > max_length:
        raise ConfigError(
            f"{name}={length} is beyond the model's maximum of {max_length} tokens; give at most {max_length}."
        )


def exhausted(language: Language, found: int, needed: int, unit: str, copies: int = 0) -> CorpusExhaustedError:
    """The error for too little text in a language, with the ways out."""
    left_out = f" ({copies:,} texts that equal or nearly equal another not counted; deduplicate=False keeps them)"
    return CorpusExhaustedError(
        f"{language.name} ({language.tag}) has too little calibration text: {found:,} {unit} found{left_out if copies else ''}, "
        f"{needed:,} needed. "
        "Give a corpus= with more of it, ask for less (num_rows, tokens_per_language, sequence_length, or a smaller "
        "weight in mixture), or leave the language out."
    )
