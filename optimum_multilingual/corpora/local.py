"""A corpus of local files, one for each language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import CorpusError
from ..languages import Language
from .document import Document
from .files import READERS, file_format, read_texts, require_file
from .labels import language_called


class LocalCorpus:
    """Local files, one for each language; see `read_texts` for their formats.

        >>> corpus = LocalCorpus.from_folder("my_texts")      # my_texts/en.txt, my_texts/sw.jsonl.gz, ...

    Args:
        files: the file of each language.
        text_column: the key or column that holds the text in jsonl, csv and parquet files.
        passed_over: names of files beside them that were taken for no language's text.
    """

    def __init__(self, files: Mapping[Language, Path], text_column: str = "text", passed_over: Sequence[str] = ()):
        self.files = dict(files)
        self.passed_over = tuple(passed_over)
        self.text_column = text_column

    @classmethod
    def from_folder(cls, folder: str | Path, text_column: str = "text") -> LocalCorpus:
        """Takes the files of a folder that are named after a language: `sw.txt`, `swh_Latn.jsonl.gz`, `Swahili.csv`.

        Raises:
            CorpusError: there is no such folder, it holds no such file, or two for one language.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise CorpusError(f"There is no folder {folder}; corpus= takes a folder with one file for each language.")
        files: dict[Language, Path] = {}
        passed_over = []
        for path in sorted(folder.iterdir()):
            language = _language_of(path)
            if language is None:
                passed_over.append(path.name)
                continue
            if language in files:
                raise CorpusError(
                    f"{files[language].name} and {path.name} are both {language.name} ({language.tag}); keep one, or "
                    "give corpus= a mapping of language to file."
                )
            files[language] = path
        if not files:
            raise CorpusError(
                f"{folder} holds no file named after a language with one of the endings {', '.join(READERS)}; expected "
                "names such as en.txt, sw.jsonl.gz or swh_Latn.parquet."
            )
        return cls(files, text_column, passed_over)

    def languages(self) -> tuple[Language, ...]:
        return tuple(self.files)

    def documents(self, language: Language) -> Iterator[Document]:
        path = self.files[language]
        for position, value in read_texts(path, self.text_column):
            yield Document.from_value(f"{path.name}:{position}", value)

    def identity(self) -> dict[str, Any]:
        """Changes whenever a file does: place, size and time of change of each.

        Raises:
            CorpusFileError: a file is missing.
        """
        for path in self.files.values():
            require_file(path)
        stats = {language.tag: (path.resolve(), path.stat()) for language, path in self.files.items()}
        places = {tag: [str(path), stat.st_size, stat.st_mtime_ns] for tag, (path, stat) in stats.items()}
        return {"files": places, "text_column": self.text_column}

    def describe(self) -> dict[str, Any]:
        return {"kind": "files", "files": {language.tag: path.name for language, path in self.files.items()}}


def _language_of(path: Path) -> Language | None:
    ending = file_format(path)
    if not path.is_file() or ending is None:
        return None
    stem = path.name.removesuffix(".gz").removesuffix(ending)
    # zh.Hant.txt says the script after a dot, sw.train.txt something else.
    return language_called(stem.replace(".", "-")) or language_called(stem.split(".")[0])
