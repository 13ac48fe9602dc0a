"""Where text comes from: the embedded corpus, datasets of the Hub, local files, `datasets` objects, Python mappings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, CorpusError
from ..languages import Language, find_languages
from .catalog import load_catalog, suggestion
from .coverage import part_for, require_languages
from .dataset import DatasetCorpus
from .document import Corpus, Document, Part, StreamedCorpus, shuffled_documents
from .embedded import EmbeddedCorpus
from .local import LocalCorpus
from .memory import MappingCorpus

__all__ = [
    "Corpus",
    "Document",
    "Part",
    "StreamedCorpus",
    "open_corpus",
    "part_for",
    "require_languages",
    "shuffled_documents",
]


def open_corpus(given: Any, text_column: str = "text", language_column: str = "language") -> Corpus:
    """Turns what a user gives as `corpus=` into a `Corpus`.

        "embedded"                          the small corpus of the package
        "fineweb2", "wikipedia", ...        a corpus of the catalogue, streamed from the Hub
        "texts/" or Path("texts")           a folder with one file for each language
        {"sw": "a/b.jsonl", "en": ...}      a file for each language
        {"sw": ["text", ...], "en": ...}    texts for each language
        a datasets.Dataset                  with columns of texts and languages
        anything with the methods of `Corpus`

    A folder that is called like a corpus of the catalogue is given as "./wikipedia". The catalogue knows the column of
    the text; `text_column` is for everything else.

    Raises:
        ConfigError: it is none of these, or a name that means two of them.
        CorpusError: there is no such folder, and no such name in the catalogue.
    """
    if isinstance(given, Mapping):
        _require_no_splits(given)
        return _open_mapping(given, text_column)
    if isinstance(given, str):
        return _open_name(given, text_column)
    if isinstance(given, Path):
        return LocalCorpus.from_folder(given, text_column)
    if hasattr(given, "column_names"):
        return DatasetCorpus(given, text_column, language_column)
    if isinstance(given, Corpus):
        return given
    raise ConfigError(
        f"corpus= cannot be of type {type(given).__name__}; give 'embedded', a name of the catalogue, a folder, a "
        "mapping of language to file or texts, a datasets.Dataset, or an object with languages(), documents() and describe()."
    )


def _open_name(given: str, text_column: str) -> Corpus:
    if given == "embedded":
        return EmbeddedCorpus()
    if given in load_catalog():
        _require_no_folder(given)
        from .hub import HubCorpus

        return HubCorpus.from_catalog(given)
    if Path(given).is_file():
        raise CorpusError(
            f"{given} is a file; corpus= takes a folder with one file for each language, or a mapping such as "
            f"{{'en': '{given}'}}."
        )
    if not Path(given).is_dir():
        raise CorpusError(
            f"There is no folder {given}; corpus= takes a folder with one file for each language, 'embedded', or a name of "
            f"the catalogue: {', '.join(load_catalog())}.{suggestion(given, 'embedded')}"
        )
    return LocalCorpus.from_folder(given, text_column)


def _require_no_folder(name: str) -> None:
    if Path(name).is_dir():
        raise ConfigError(
            f"{name!r} is a corpus of the catalogue, and a folder here is called so too. Write corpus='./{name}' for the "
            f"folder; for the corpus of the Hub give HubCorpus.from_catalog({name!r}), or work in a folder without {name}."
        )


def _require_no_splits(given: Mapping[Any, Any]) -> None:
    if hasattr(given, "column_names"):
        first = next(iter(given), "train")
        raise ConfigError(
            f"corpus= cannot be a {type(given).__name__}, of which the splits are {', '.join(map(repr, given))}; give one of "
            f"them, such as dataset[{first!r}]. Where each is a language, give a mapping of language to texts, such as "
            f"{{{first!r}: dataset[{first!r}]['text']}}."
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
