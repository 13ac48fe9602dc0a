"""Text from the Hub: a corpus of the catalogue, or any dataset repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from ..errors import HubCorpusError
from ..languages import Language, find_language
from .catalog import CatalogEntry, entry_at, find_entry, terms_of
from .coverage import require_languages, require_use
from .document import Document, Part
from .hub_repository import RETRY_WAITS, HubRepository
from .hub_source import HubSource, Shard


class HubCorpus:
    """A dataset of the Hub, streamed: only the files of the languages asked for are fetched, as far as they are read.

        >>> HubCorpus.from_catalog("fineweb2")
        >>> HubCorpus.from_repository("me/texts", files="data/{code}/*.jsonl.gz")

    The token, where one is needed, is the one of `hf auth login` or HF_TOKEN; it is read by huggingface_hub alone.

    Args:
        entry: which repository, files and column.
        elsewhere: tag -> entry, for languages that are read from another repository.
        retry_waits: seconds before each new try of a request that failed for the moment (HTTP 429 or 5xx, a connection
            that broke).

    Raises:
        MissingPackageError: `datasets` is not installed.
    """

    # Documents held while shuffling: so few that the first document of a hundred languages comes quickly.
    shuffle_buffer = 1_000

    def __init__(
        self,
        entry: CatalogEntry,
        elsewhere: Mapping[str, CatalogEntry] | None = None,
        retry_waits: Sequence[float] = RETRY_WAITS,
    ):
        self.entry = entry
        self.source = _source(entry, retry_waits)
        self.elsewhere = {find_language(tag): _source(other, retry_waits) for tag, other in (elsewhere or {}).items()}

    @classmethod
    def from_catalog(cls, name: str) -> HubCorpus:
        """A corpus of the catalogue; docs/catalogue.md lists them.

        Raises:
            ConfigError: the catalogue has none of that name.
        """
        entry = find_entry(name)
        return cls(entry, {tag: find_entry(other) for tag, other in entry.elsewhere.items()})

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> HubCorpus:
        """A corpus of the catalogue as `describe` told of it: the same files at the same commits.

        Raises:
            ConfigError: the catalogue has none of that name.
        """
        elsewhere = {tag: entry_at(other) for tag, other in described.get("elsewhere", {}).items()}
        return cls(entry_at(described), elsewhere)

    @classmethod
    def from_repository(
        cls,
        repository: str,
        files: str,
        evaluation_files: str | None = None,
        text_column: str = "text",
        revision: str | None = None,
        languages: Sequence[str] | None = None,
        codes: Mapping[str, str | None] | None = None,
    ) -> HubCorpus:
        """Any dataset repository with files of parquet, jsonl, json, csv or txt. Its scripts are never run.

            >>> HubCorpus.from_repository("me/texts", "data/{code}/*.jsonl.gz", codes={"kiswahili": "sw"})
            >>> HubCorpus.from_repository("me/swahili", "*.txt", languages=["sw"])

        Args:
            repository: owner/name.
            files: pattern of the files; {code} stands for the language, `*` for anything inside a folder.
            evaluation_files: pattern of its own test files, if it has such; else one document in five is held out.
            text_column: the column that holds the text.
            revision: commit, branch or tag; None for the newest commit.
            languages: what {code} may be, or the one language of all files; None to see what the repository has.
            codes: what a code means where it is no code or name of a language; None for one to leave out.

        Raises:
            ConfigError: nothing says which files are of which language.
        """
        entry = CatalogEntry(
            name=repository,
            title=repository,
            repository=repository,
            files=files,
            evaluation_files=evaluation_files,
            text_column=text_column,
            revision=revision,
            languages=None if languages is None else tuple(languages),
            codes=codes or {},
            **terms_of(repository),
        )
        return cls(entry)

    @property
    def name(self) -> str:
        """The name in the catalogue, or the repository's id."""
        return self.entry.name

    @property
    def uses(self) -> tuple[str, ...]:
        """What its text may be used for: "calibration", "evaluation" or both."""
        return self.entry.uses

    @property
    def divided(self) -> bool:
        """Whether it has files of its own to evaluate on, which are never calibrated on."""
        return self.entry.evaluation_files is not None

    def languages(self) -> tuple[Language, ...]:
        return tuple(dict.fromkeys((*self.source.codes, *self.elsewhere)))

    def documents(self, language: Language) -> Iterator[Document]:
        source = self._source_of(language)
        yield from self._read(source, language, source.shards(language))

    def stream(self, language: Language, part: Part | None, generator: Random) -> Iterator[Document]:
        """One part of one language, its files in an order that the generator decides.

        Args:
            language: one of its languages.
            part: "calibration" or "evaluation"; None for both. Files that are of the other part are not fetched.
            generator: decides the order of the files.

        Raises:
            ConfigError: text to calibrate on is asked of a corpus that is for evaluation only.
            HubCorpusError: the text cannot be reached or read, or there is none.
        """
        if part is not None:
            require_use(self, part)
        source = self._source_of(language)
        shards = [shard for shard in source.shards(language) if part is None or shard[1] in (None, part)]
        if not shards:
            raise HubCorpusError(
                f"{source.repository.id} has no file of {language.name} ({language.tag}) that is for {part}. Leave the "
                "language out, or choose another corpus."
            )
        generator.shuffle(shards)
        documents = self._read(source, language, shards)
        yield from (document for document in documents if part is None or document.part == part)

    def identity(self) -> dict[str, Any]:
        """The commits and what is read of them; to know it, no text is read."""
        return {"hub": [source.identity() for source in (self.source, *self.elsewhere.values())]}

    def describe(self) -> dict[str, Any]:
        described = {"kind": "hub", **self.source.describe()}
        if self.elsewhere:
            described["elsewhere"] = {language.tag: source.describe() for language, source in self.elsewhere.items()}
        return described

    def _source_of(self, language: Language) -> HubSource:
        require_languages(self, [language])
        return self.elsewhere.get(language, self.source)

    def _read(self, source: HubSource, language: Language, shards: Sequence[Shard]) -> Iterator[Document]:
        empty = True
        for path, part in shards:
            for document in source.documents(language, path, part):
                empty = False
                yield document
        if empty:
            raise HubCorpusError(
                f"The files of {language.name} ({language.tag}) in {source.repository.id} hold no text: "
                f"{', '.join(path for path, _ in shards)}. Leave the language out, or choose another corpus."
            )


def _source(entry: CatalogEntry, retry_waits: Sequence[float]) -> HubSource:
    return HubSource(entry, HubRepository(entry.repository, entry.revision, retry_waits))
