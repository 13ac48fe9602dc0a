"""From a configuration to a calibration set: the one place where corpora, mixture, tokenizer and packing meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from itertools import islice
from typing import Any

from tqdm.auto import tqdm

from ..config import SIZES, MultilingualCalibrationConfig
from ..corpora import open_corpus, part_for, require_languages
from ..languages import Language
from .cache import cached
from .calibration_set import CalibrationSet, Manifest, Row, fingerprint_of, hash_of
from .encoding import TextEncoder
from .few_documents import warn_of_few_documents
from .identification import identify_rows
from .mixture import interleave
from .packing import PackedRow, pack
from .plan import Plan, exhausted, plan_sizes
from .source import TextSource
from .tokenization import check_coverage, describe_tokenizer, load_tokenizer

RECORDED_VERSIONS = ("optimum-multilingual", "transformers", "tokenizers", "torch")


def build_calibration_set(
    config: MultilingualCalibrationConfig, tokenizer: Any, max_length: int | None = None
) -> CalibrationSet:
    """Draws each language its share of text and packs it into rows.

        >>> config = MultilingualCalibrationConfig(languages=["en", "sw"], num_rows=8, sequence_length=128)
        >>> build_calibration_set(config, tokenizer).rows_of_languages()
        {'eng_Latn': 4, 'swh_Latn': 4}

    Args:
        config: languages, corpus, mixture, sizes and seed.
        tokenizer: the model's tokenizer, or its name or folder.
        max_length: the model's longest sequence in tokens, if it has one.

    Raises:
        CorpusError: text that cannot be read; CorpusExhaustedError where a language has too little.
        TokenizerError: the tokenizer cannot encode a language.
        ConfigError: rows longer than the model allows, or a corpus that is kept for evaluation.
    """
    tokenizer = load_tokenizer(tokenizer)
    source = open_source(config, tokenizer)

    def build() -> CalibrationSet:
        require_languages(source.corpus, config.resolved_languages)
        plan = plan_sizes(config, source, max_length, len(row_prefix(tokenizer)))
        kind = config.mixture if isinstance(config.mixture, str) else "weights"
        built = assemble(plan, source, tokenizer, {"kind": kind, "temperature": config.temperature})
        return identified(built, tokenizer) if config.identify_languages else built

    ingredients = _ingredients(config, source, tokenizer, max_length) if config.cache else None
    calibration_set = build() if ingredients is None else cached(ingredients, build)
    warn_of_few_documents(calibration_set.manifest)
    return calibration_set


def open_source(config: MultilingualCalibrationConfig, tokenizer: Any) -> TextSource:
    """The text that a config calibrates with: its part of the corpus, in the order of its seed."""
    corpus = open_corpus(config.corpus, config.text_column, config.language_column)
    part = part_for(corpus, "calibration", shared=not has_evaluation_corpus(config))
    encoder = TextEncoder(tokenizer, config.document_separator, config.messages)
    return TextSource(corpus, part, config.seed, encoder, config.deduplicate)


def identified(calibration_set: CalibrationSet, tokenizer: Any) -> CalibrationSet:
    """The same set, with what an identifier says of its languages in the manifest."""
    for tag, found in identify_rows(calibration_set.rows, tokenizer).items():
        calibration_set.manifest.languages[tag]["identified"] = found
    return calibration_set


def _ingredients(
    config: MultilingualCalibrationConfig, source: TextSource, tokenizer: Any, max_length: int | None
) -> dict[str, Any] | None:
    """Everything that decides what a set holds; None where the corpus cannot say whether it changed."""
    identity = source.corpus.identity() if hasattr(source.corpus, "identity") else None
    if identity is None:
        return None
    settings = config.to_dict()
    decisive = (*SIZES, "temperature", "sequence_length", "document_separator", "messages", "deduplicate", "seed")
    return {
        **{name: settings[name] for name in decisive},
        "identified": config.identify_languages,
        "languages": [language.tag for language in config.resolved_languages],
        "mixture": {language.tag: weight for language, weight in (config.weights or {}).items()} or config.mixture,
        "part": source.part,
        "corpus": identity,
        "tokenizer": describe_tokenizer(tokenizer, config.messages),
        "end": source.encoder.end,
        "prefix": row_prefix(tokenizer),
        "max_length": max_length,
        "versions": recorded_versions(),
    }


def has_evaluation_corpus(config: MultilingualCalibrationConfig) -> bool:
    """Whether evaluation has a corpus of its own; if not, a part of this one is kept for it, now or later."""
    return config.evaluation is not None and config.evaluation.corpus is not None


def row_prefix(tokenizer: Any) -> tuple[int, ...]:
    """The token that begins a sequence, once for every row, if the tokenizer has one."""
    return () if tokenizer.bos_token_id is None else (tokenizer.bos_token_id,)


def assemble(plan: Plan, source: TextSource, tokenizer: Any, mixture: dict[str, Any]) -> CalibrationSet:
    """Draws, packs and orders the rows of a plan, and writes down how they came to be.

    Raises:
        CorpusExhaustedError: a language has too little text.
        TokenizerError: the tokenizer cannot encode a language.
    """
    packed = draw_rows(plan, source, tokenizer, plan.rows)
    return put_together(plan, packed, source, tokenizer, mixture)


def draw_rows(
    plan: Plan, source: TextSource, tokenizer: Any, least: Mapping[Language, int]
) -> dict[Language, list[PackedRow]]:
    """Packs the rows of a plan, language by language.

    Args:
        plan: most rows of each language, and their length.
        source: the text.
        tokenizer: the model's.
        least: rows of each language, with which one is content whose text ends.

    Raises:
        CorpusExhaustedError: a language has too little text.
        TokenizerError: the tokenizer cannot encode a language.
    """
    prefix = row_prefix(tokenizer)
    packed: dict[Language, list[PackedRow]] = {}
    for language, most in tqdm(plan.rows.items(), desc="Building calibration set", unit="language", disable=None):
        rows = list(islice(pack(source.draw(language), plan.sequence_length, prefix), most))
        if len(rows) < least[language]:
            needed = least[language] * (plan.sequence_length - len(prefix))
            counts = source.counts[language]
            raise exhausted(language, counts.tokens, needed, "tokens", counts.duplicates)
        check_coverage((row.input_ids for row in rows), tokenizer, language.name)
        packed[language] = rows
    return packed


def put_together(
    plan: Plan,
    packed: Mapping[Language, Sequence[PackedRow]],
    source: TextSource,
    tokenizer: Any,
    mixture: dict[str, Any],
) -> CalibrationSet:
    """Orders the first rows of every language, as many as a plan says, and writes down how they came to be."""
    packed = {language: packed[language][:count] for language, count in plan.rows.items()}
    order = interleave(list(plan.rows.values()))
    queues = {language: iter(rows) for language, rows in packed.items()}
    languages = list(plan.rows)
    chosen = (languages[place] for place in order)
    rows = tuple(Row(language, next(queues[language]).input_ids) for language in chosen)
    documents = {
        language.tag: {digest: id for row in of_language for id, digest in row.documents}
        for language, of_language in packed.items()
    }
    manifest = Manifest(
        fingerprint=fingerprint_of(rows),
        languages=_described(plan, source, documents),
        sequence_length=plan.sequence_length,
        seed=source.seed,
        mixture=mixture,
        document_separator=source.encoder.separator,
        messages=source.encoder.messages,
        prefix=list(row_prefix(tokenizer)),
        part=source.part,
        deduplicated=source.deduplicate,
        corpus=source.corpus.describe(),
        tokenizer=describe_tokenizer(tokenizer, source.encoder.messages),
        versions=recorded_versions(),
        row_hashes=[hash_of(row) for row in rows],
        documents=documents,
    )
    return CalibrationSet(rows, manifest)


def _described(plan: Plan, source: TextSource, documents: dict[str, dict[str, str]]) -> dict[str, dict[str, Any]]:
    return {
        language.tag: {
            "rows": plan.rows[language],
            "tokens": plan.rows[language] * plan.sequence_length,
            "weight": plan.weights[language],
            "documents": len(documents[language.tag]),
            "duplicates": source.counts[language].duplicates,
        }
        for language in plan.rows
    }


def recorded_versions() -> dict[str, str]:
    """Versions of the packages that decide what a set holds."""
    return {name.replace("-", "_"): metadata.version(name) for name in RECORDED_VERSIONS}
