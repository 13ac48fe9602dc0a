"""The catalogue: which datasets of the Hub hold text of which languages, and in which files. Data, read from JSON."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from typing import Any

from ..errors import ConfigError
from ..languages import Language
from .labels import language_called
from .layout import folder_of_codes

# What a repository calls a language: a tag of code, script and region, or one word. `aai_Latn_removed` is neither.
CODE = re.compile(r"[a-z]{2,3}([-_][A-Z][a-z]{3})?([-_][A-Za-z]{2})?|\w+")


@dataclass(frozen=True)
class CatalogEntry:
    """One dataset of the Hub: where it is, how its files are named after languages, and what it may be used for.

        files="data/{code}/train/*.parquet"     {code} is what the dataset calls a language: "swh_Latn", "sw", "iw"

    Args:
        name: what a user writes as corpus=.
        title: what its authors call it.
        repository: id on the Hub.
        files: pattern of the files to calibrate on; None where there are none. `*` stays inside a folder.
        evaluation_files: pattern of its own test or validation files; None where there are none.
        text_column: the column that holds the text; may hold {code}, for a table with a column for each language.
        line_break: what stands in its texts where a line ends.
        language_columns: columns whose values, joined by `_`, are the code of a row; for files of many languages.
        revision: commit to read; None for the commit that `main` is at then.
        languages: codes it is known to have; None to ask the repository.
        codes: codes that do not mean what they say: code -> tag, or None for one that is no language.
        elsewhere: languages it leaves to another entry: tag -> name of that entry.
        gated: whether its terms must be accepted on its page first.
        licence: as its page names it; None where unknown.
        republish: whether its text may be published again; None where unknown.
        uses: "calibration", "evaluation" or both.
        verified: whether files and columns were checked against the Hub itself.
        note: what to know before choosing it.
        source: where its layout, revision and licence were read.
    """

    name: str
    title: str
    repository: str
    files: str | None
    evaluation_files: str | None = None
    text_column: str = "text"
    line_break: str = "\n"
    language_columns: tuple[str, ...] = ()
    revision: str | None = None
    languages: tuple[str, ...] | None = None
    codes: Mapping[str, str | None] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    gated: bool = False
    licence: str | None = None
    republish: bool | None = None
    uses: tuple[str, ...] = ("calibration", "evaluation")
    verified: bool = False
    note: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        named = [pattern for pattern in (self.files, self.evaluation_files) if pattern is not None]
        apart = all("{code}" in pattern for pattern in named) or "{code}" in self.text_column or self.language_columns
        if not named or not (apart or len(self.languages or ()) == 1):
            raise ConfigError(
                f"Nothing says which files of {self.repository} are of which language: files={self.files!r}. Write {{code}} "
                "where the language stands in their names, as in 'data/{code}/*.jsonl.gz'; or name the columns of the "
                "language in language_columns; or give the one language they are all in as languages=['sw']."
            )

        for pattern in named:
            if "{code}" in pattern and "*" in folder_of_codes(pattern):
                raise ConfigError(
                    f"In files={pattern!r} a * stands before {{code}}, so nothing says in which folder the languages are; write "
                    "that folder out."
                )

    def language_of(self, code: str) -> Language | None:
        """The language that one of the dataset's codes means; None for a code that means none.

        >>> find_entry("fineweb2").language_of("cmn_Hani").tag, find_entry("wikipedia").language_of("als").tag
        ('cmn_Hans', 'gsw_Latn')
        """
        name = self.codes.get(code, code)
        return language_called(name) if name is not None and CODE.fullmatch(name) else None


@lru_cache(maxsize=1)
def load_catalog() -> Mapping[str, CatalogEntry]:
    """All entries of the catalogue by name, in its order."""
    text = resources.files("optimum_multilingual").joinpath("data", "catalog.json").read_text(encoding="utf-8")
    return {name: _entry(name, values) for name, values in json.loads(text).items()}


def find_entry(name: str) -> CatalogEntry:
    """The entry of one name.

    Raises:
        ConfigError: there is none of that name; suggests the nearest and lists all.
    """
    if name not in load_catalog():
        raise ConfigError(
            f"The catalogue has no corpus {name!r}.{suggestion(name)} It has {', '.join(load_catalog())}."
        )
    return load_catalog()[name]


def entry_at(described: Mapping[str, Any]) -> CatalogEntry:
    """The entry that a manifest describes, with the commit, files and column that were read then.

    Raises:
        ConfigError: the catalogue has none of that name.
    """
    recorded = ("repository", "revision", "files", "evaluation_files", "text_column")
    return replace(find_entry(described["name"]), **{key: described[key] for key in recorded})


def terms_of(repository: str) -> dict[str, Any]:
    """What the catalogue says of the licence and the uses of a repository, as arguments of `CatalogEntry`."""
    for entry in load_catalog().values():
        if entry.repository.casefold() == repository.casefold():
            return {name: getattr(entry, name) for name in ("gated", "licence", "republish", "uses")}
    return {}


def suggestion(name: str, *others: str) -> str:
    """A sentence that names what was probably meant, with a space before it; empty where nothing is near."""
    same = [entry.name for entry in load_catalog().values() if entry.repository.casefold() == name.casefold()]
    near = same or difflib.get_close_matches(name.casefold(), [*load_catalog(), *others], n=2)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def _entry(name: str, values: Mapping[str, Any]) -> CatalogEntry:
    read: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return CatalogEntry(name=name, **read)
