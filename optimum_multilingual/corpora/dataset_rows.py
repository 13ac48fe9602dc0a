"""The rows of a `datasets` object, language by language: of a table, which can be asked for rows, and of a stream."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from ..errors import CorpusError
from ..languages import Language
from .labels import language_called

# Rows of one column that are read at a time.
BATCH_ROWS = 100


def is_table(dataset: Any) -> bool:
    """Whether rows can be asked for by number, as of a `datasets.Dataset`; not where a transform makes them as they are read."""
    return hasattr(dataset, "select") and hasattr(dataset, "select_columns") and dataset.format["type"] != "custom"


class TableRows:
    """Rows of a `datasets.Dataset`; no column but the two is read, and of the texts only those of one language.

    Args:
        dataset: rows of all languages together.
        text_column: the column that holds the text.
        language_column: the column that holds the language, as a name, a code, or the number of a `ClassLabel`.
    """

    def __init__(self, dataset: Any, text_column: str, language_column: str):
        self.dataset = dataset.with_format(None)
        self.text_column = text_column
        self.language_column = language_column

    @cached_property
    def numbers(self) -> dict[Language, array[int]]:
        """The numbers of the rows of each language, from 0."""
        names = _class_names(self.dataset, self.language_column)
        numbers: dict[Language, array[int]] = {}
        for number, label in enumerate(_values(self.dataset, self.language_column)):
            language = _language(label, names)
            if language is not None:
                numbers.setdefault(language, array("q")).append(number)
        return numbers

    def languages(self) -> tuple[Language, ...]:
        """The languages of the rows, in the order in which they come."""
        return tuple(self.numbers)

    def has_all(self, languages: Collection[Language]) -> bool:
        """Whether there are rows of all these."""
        return self.numbers.keys() >= set(languages)

    def texts(self, language: Language) -> Iterator[tuple[int, Any]]:
        """The rows of a language: their numbers, from 1, and what stands under the text column."""
        numbers = self.numbers.get(language, array("q"))
        for number, value in zip(numbers, _values(self.dataset.select(numbers), self.text_column), strict=True):
            yield number + 1, value


class StreamRows:
    """Rows of anything that is only iterated over, such as a `datasets.IterableDataset`.

    Args:
        dataset: rows of all languages together.
        text_column: the column that holds the text.
        language_column: the column that holds the language, as a name, a code, or the number of a `ClassLabel`.
    """

    def __init__(self, dataset: Any, text_column: str, language_column: str):
        self.dataset = dataset
        self.text_column = text_column
        self.language_column = language_column
        self._found: dict[Language, None] = {}
        self._read_to_the_end = False

    def languages(self) -> tuple[Language, ...]:
        """The languages of the rows, in the order in which they come; reads all rows, once."""
        if not self._read_to_the_end:
            self._look_for(None)
        return tuple(self._found)

    def has_all(self, languages: Collection[Language]) -> bool:
        """Whether there are rows of all these; reads no further than to the last of them that comes."""
        wanted = set(languages)
        if not self._read_to_the_end and not self._found.keys() >= wanted:
            self._look_for(wanted)
        return self._found.keys() >= wanted

    def texts(self, language: Language) -> Iterator[tuple[int, Any]]:
        """The rows of a language: their numbers, from 1, and what stands under the text column."""
        for number, (found, row) in enumerate(self._rows(), start=1):
            if found == language:
                yield number, _value(row, self.text_column)

    def _look_for(self, wanted: set[Language] | None) -> None:
        for language, _ in self._rows():
            if language is None or language in self._found:
                continue
            self._found[language] = None
            if wanted is not None and self._found.keys() >= wanted:
                return
        self._read_to_the_end = True

    def _rows(self) -> Iterator[tuple[Language | None, Mapping[str, Any]]]:
        names = _class_names(self.dataset, self.language_column)
        for row in self.dataset:
            yield _language(_value(row, self.language_column), names), row


def missing_column(column: str, columns: Iterable[str]) -> CorpusError:
    """A dataset without a column that is needed."""
    return CorpusError(
        f"The dataset has no column {column!r}, only {', '.join(map(repr, columns))}; name the right ones with "
        "text_column= and language_column=."
    )


def _values(dataset: Any, column: str) -> Iterator[Any]:
    for batch in dataset.select_columns([column]).iter(BATCH_ROWS):
        yield from batch[column]


def _value(row: Mapping[str, Any], column: str) -> Any:
    # A streaming dataset may not know its columns before its rows are read.
    if column not in row:
        raise missing_column(column, row)
    return row[column]


def _class_names(dataset: Any, column: str) -> list[str]:
    """What the numbers of a `ClassLabel` column stand for; nothing for any other column."""
    features = getattr(dataset, "features", None) or {}
    return getattr(features.get(column), "names", [])


def _language(label: Any, names: list[str]) -> Language | None:
    # A row without a label has None, or -1 where labels are numbers.
    if isinstance(label, int) and 0 <= label < len(names):
        label = names[label]
    return language_called(label) if isinstance(label, str) else None
