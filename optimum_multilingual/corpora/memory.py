"""Corpora already in memory or behind a `datasets` object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ..errors import CorpusError, LanguageError
from ..languages import Language, find_language
from .document import Document


class MappingCorpus:
    """A mapping of language to texts.

        >>> corpus = MappingCorpus({find_language("sw"): ["Habari za asubuhi.", "Karibu nyumbani."]})

    Args:
        texts: an iterable of str for each language. One that can be read only once is read into memory here.
    """

    def __init__(self, texts: Mapping[Language, Iterable[str]]):
        self.texts = {language: _rereadable(given) for language, given in texts.items()}

    def languages(self) -> tuple[Language, ...]:
        return tuple(self.texts)

    def documents(self, language: Language) -> Iterator[Document]:
        for number, value in enumerate(self.texts[language], start=1):
            if not isinstance(value, str) or value.strip():
                yield Document.from_value(f"memory/{language.tag}/{number}", value)

    def describe(self) -> dict[str, Any]:
        return {"kind": "mapping", "languages": [language.tag for language in self.texts]}


class DatasetCorpus:
    """A `datasets.Dataset` or `IterableDataset` with a column of texts and a column of languages.

        >>> corpus = DatasetCorpus(load_dataset("csv", data_files="texts.csv", split="train"))

    Args:
        dataset: rows of all languages together.
        text_column: the column that holds the text.
        language_column: the column that holds the language, as any name or code; rows of a value that names no
            language can never be asked for.

    Raises:
        CorpusError: a column is missing.
    """

    def __init__(self, dataset: Any, text_column: str = "text", language_column: str = "language"):
        columns = dataset.column_names
        for column in (text_column, language_column):
            if columns is not None and column not in columns:
                raise CorpusError(_missing_column_message(column, columns))
        self.dataset = dataset
        self.text_column = text_column
        self.language_column = language_column

    @lru_cache(maxsize=1)  # noqa: B019  the corpus and this cache live and die with one run
    def languages(self) -> tuple[Language, ...]:
        values = (self._value(row, self.language_column) for row in self.dataset)
        found = (_language_or_none(value) for value in values)
        return tuple(dict.fromkeys(language for language in found if language is not None))

    def documents(self, language: Language) -> Iterator[Document]:
        for number, row in enumerate(self.dataset, start=1):
            if _language_or_none(self._value(row, self.language_column)) != language:
                continue
            value = self._value(row, self.text_column)
            if value is None:
                raise CorpusError(
                    f"Row {number} of the dataset has no {self.text_column!r}; repair or remove that row."
                )
            if not isinstance(value, str) or value.strip():
                yield Document.from_value(f"dataset/{number}", value)

    def identity(self) -> dict[str, Any] | None:
        """The fingerprint that `datasets` keeps of all that was done to a dataset; None for a stream."""
        fingerprint = getattr(self.dataset, "_fingerprint", None)
        columns = [self.text_column, self.language_column]
        return None if fingerprint is None else {"fingerprint": fingerprint, "columns": columns}

    def describe(self) -> dict[str, Any]:
        info = getattr(self.dataset, "info", None)
        return {
            "kind": "dataset",
            "name": getattr(info, "dataset_name", None),
            "version": str(info.version) if info is not None and info.version is not None else None,
            "licence": getattr(info, "license", None) or None,
        }

    def _value(self, row: Mapping[str, Any], column: str) -> Any:
        # A streaming dataset may not know its columns before its rows are read.
        if column not in row:
            raise CorpusError(_missing_column_message(column, row))
        return row[column]


def _missing_column_message(column: str, columns: Iterable[str]) -> str:
    return (
        f"The dataset has no column {column!r}, only {', '.join(map(repr, columns))}; name the right ones with "
        "text_column= and language_column=."
    )


def _rereadable(texts: Iterable[str]) -> Iterable[str]:
    return list(texts) if isinstance(texts, Iterator) else texts


def _language_or_none(value: Any) -> Language | None:
    try:
        return find_language(value)
    except LanguageError:
        return None
