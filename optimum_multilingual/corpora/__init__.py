"""Where text comes from: the embedded corpus, local files, `datasets` objects, Python mappings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, CorpusError
from ..languages import Language, find_languages
from .document import Corpus, Document, Part, shuffled_documents
from .embedded import EmbeddedCorpus
from .local import LocalCorpus
from .memory import DatasetCorpus, MappingCorpus

__all__ = ["Corpus", "Document", "Part", "open_corpus", "require_languages", "shuffled_documents"]


def open_corpus(given: Any, text_column: str = "text", language_column: str = "language") -> Corpus:
    """Turns what a user gives as `corpus=` into a `Corpus`.

        "embedded"                          the small corpus of the package
        "texts/" or Path("texts")           a folder with one file for each language
        {"sw": "a/b.jsonl", "en": ...}      a file for each language
        {"sw": ["text", ...], "en": ...}    texts for each language
        a datasets.Dataset                  with columns of texts and languages
        anything with the methods of `Corpus`

    Raises:
        ConfigError: it is none of these.
    """
    if isinstance(given, Mapping):
        return _open_mapping(given, text_column)
    if isinstance(given, str | Path):
        return EmbeddedCorpus() if given == "embedded" else LocalCorpus.from_folder(given, text_column)
    if hasattr(given, "column_names"):
        return DatasetCorpus(given, text_column, language_column)
    if isinstance(given, Corpus):
        return given
    raise ConfigError(
        f"corpus= cannot be of type {type(given).__name__}; give 'embedded', a folder, a mapping of language to file "
        "or texts, a datasets.Dataset, or an object with languages(), documents() and describe()."
    )


def _open_mapping(given: Mapping[str | Language, Any], text_column: str) -> Corpus:
    languages = find_languages(given)
    values = dict(zip(languages, given.values(), strict=True))
    are_files = {isinstance(value, str | Path) for value in values.values()}
    if are_files == {True}:
        return LocalCorpus({language: Path(value) for language, value in values.items()}, text_column)
    wrong = [language.short for language, value in values.items() if not isinstance(value, Iterable)]
    if are_files == {False} and not wrong:
        return MappingCorpus(values)
    raise ConfigError(
        "A mapping given as corpus= must hold a file path for every language, or an iterable of texts for every one; "
        f"got {', '.join(f'{language.short}: {type(value).__name__}' for language, value in values.items())}."
    )


def require_languages(corpus: Corpus, languages: Iterable[Language]) -> None:
    """Checks that a corpus has text of every language, before anything is read.

    Raises:
        CorpusError: names the languages that are missing and those there are.
    """
    held = corpus.languages()
    missing = [language for language in languages if language not in held]
    if missing:
        raise CorpusError(
            f"The corpus ({corpus.describe()['kind']}) has no {', '.join(f'{m.name} ({m.tag})' for m in missing)}. "
            f"It has {', '.join(sorted(language.tag for language in held)) or 'no language at all'}. Leave the language out, or "
            "give a corpus= that has it: a folder with one file for each language, a mapping, or a datasets.Dataset."
        )
