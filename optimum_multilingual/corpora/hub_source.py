"""One entry of the catalogue with its repository: which languages it has, and the texts of each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from importlib.util import find_spec
from typing import Any

from ..errors import HubCorpusError, MissingPackageError
from ..languages import Language
from .catalog import CatalogEntry
from .document import Document, Part
from .hub_repository import HubRepository, needs_datasets
from .layout import code_in, folder_of_codes, folder_of_files, matching

# A file, and the part its documents are of; None where the content of each decides.
Shard = tuple[str, Part | None]


class HubSource:
    """The texts of one repository.

        source = HubSource(entry, HubRepository(entry.repository, entry.revision))
        source.codes[find_language("zh")]       what the dataset calls it: "cmn_Hani"
        source.shards(language)                 its files, in order
        source.documents(language, path, part)  the texts of one of them

    Args:
        entry: says how files are named, and which column holds the text.
        repository: where they are.

    Raises:
        MissingPackageError: `datasets` is needed for files of this kind, and is not installed.
    """

    def __init__(self, entry: CatalogEntry, repository: HubRepository):
        self.patterns = [pattern for pattern in (entry.files, entry.evaluation_files) if pattern is not None]
        if find_spec("datasets") is None and any(map(needs_datasets, self.patterns)):
            raise MissingPackageError(
                f"The files of {entry.repository} are read with datasets, which is not installed. Run: "
                'pip install "optimum-multilingual[datasets]"'
            )
        self.entry = entry
        self.repository = repository

    @cached_property
    def codes(self) -> dict[Language, str]:
        """What the dataset calls each of its languages.

        Where several codes mean the same language ("zh", "zh-CN"), its tag is taken, if that is one of them, or else
        the shortest.
        """
        found: dict[Language, str] = {}
        for code in sorted(self._all_codes(), key=lambda code: (len(code), code)):
            language = self.entry.language_of(code)
            if language is not None and (language not in found or code == language.tag):
                found[language] = code
        return found

    def shards(self, language: Language) -> list[Shard]:
        """The files of a language: those to calibrate on, then those to evaluate on.

        A dataset may have evaluation files for some languages only; in the others, content divides the texts.

        Raises:
            HubCorpusError: there is no file.
        """
        code = self.codes[language]
        training, evaluation = self._files(self.entry.files, code), self._files(self.entry.evaluation_files, code)
        if not training and not evaluation:
            raise HubCorpusError(
                f"{self.repository.id} has no file {' or '.join(self.patterns).replace('{code}', code)} for {language.name} "
                f"({language.tag}) at commit {self.repository.commit}; leave the language out, or choose another corpus."
            )
        part: Part | None = "calibration" if evaluation else None
        return [*((path, part) for path in training), *((path, "evaluation") for path in evaluation)]

    def documents(self, language: Language, path: str, part: Part | None) -> Iterator[Document]:
        """The documents of one file, numbered by row; rows without text are passed over."""
        column = self.entry.text_column.replace("{code}", self.codes[language])
        keys = self.entry.language_columns
        for number, row in enumerate(self.repository.rows(path, [column, *keys]), start=1):
            if keys and self._code_in(row) != self.codes[language]:
                continue
            text = self._checked(row[column], path, number)
            text = text.replace(self.entry.line_break, "\n")
            if text.strip():
                yield Document.from_text(f"{path}:{number}", text, part)

    def identity(self) -> dict[str, Any]:
        """All that decides which texts are read."""
        files = ("repository", "files", "evaluation_files", "languages", "codes")
        texts = ("text_column", "line_break", "language_columns")
        return {**{name: getattr(self.entry, name) for name in (*files, *texts)}, "revision": self.repository.commit}

    def describe(self) -> dict[str, Any]:
        """What the manifest says of it: the commit, files and column that are read, and the terms."""
        entry = self.entry
        return {
            "name": entry.name,
            "repository": entry.repository,
            "revision": self.repository.commit,
            "files": entry.files,
            "evaluation_files": entry.evaluation_files,
            "text_column": entry.text_column,
            "licence": entry.licence,
            "republish": entry.republish,
        }

    def _all_codes(self) -> set[str]:
        if self.entry.languages is not None:
            return set(self.entry.languages)
        if self.entry.language_columns:
            paths = [path for pattern in self.patterns for path in self._files(pattern, "")]
            rows = (row for path in paths for row in self.repository.rows(path, self.entry.language_columns))
            return {self._code_in(row) for row in rows}
        found = (
            code_in(pattern, path)
            for pattern in self.patterns
            for path in self.repository.names(folder_of_codes(pattern))
        )
        return {code for code in found if code is not None}

    def _files(self, pattern: str | None, code: str) -> list[str]:
        if pattern is None:
            return []
        return matching(pattern, code, self.repository.files(folder_of_files(pattern, code)))

    def _code_in(self, row: dict[str, Any]) -> str:
        return "_".join(str(row[key]) for key in self.entry.language_columns)

    def _checked(self, text: Any, path: str, number: int) -> str:
        if text is not None and not isinstance(text, str):
            raise HubCorpusError(
                f"{path} of {self.repository.id}, row {number}: the value of {self.entry.text_column!r} is of type "
                f"{type(text).__name__}, and every text must be a string. Read another column through "
                "HubCorpus.from_repository, which takes text_column=, or choose another corpus."
            )
        return text or ""
