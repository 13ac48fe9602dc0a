"""A corpus behind a `datasets` object."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ..errors import CorpusError
from ..languages import Language
from .dataset_rows import StreamRows, TableRows, is_table, missing_column
from .document import Document


class DatasetCorpus:
    """A `datasets.Dataset` or `IterableDataset` with a column of texts and a column of languages.

        >>> corpus = DatasetCorpus(load_dataset("csv", data_files="texts.csv", split="train"))

    Args:
        dataset: rows of all languages together.
        text_column: the column that holds the text.
        language_column: the column that holds the language, as any name or code, or as a `ClassLabel` of such; rows of
            a value that names no language can never be asked for.

    Raises:
        CorpusError: a column is missing.
    """

    def __init__(self, dataset: Any, text_column: str = "text", language_column: str = "language"):
        columns = dataset.column_names
        for column in (text_column, language_column):
            if columns is not None and column not in columns:
                raise missing_column(column, columns)
        self.dataset = dataset
        self.text_column = text_column
        self.language_column = language_column
        self.rows = (TableRows if is_table(dataset) else StreamRows)(dataset, text_column, language_column)

    def languages(self) -> tuple[Language, ...]:
        return self.rows.languages()

    def has_all(self, languages: Collection[Language]) -> bool:
        """Whether there is text of all these languages; a stream is read no further than needed to know it."""
        return self.rows.has_all(languages)

    def documents(self, language: Language) -> Iterator[Document]:
        for number, value in self.rows.texts(language):
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
