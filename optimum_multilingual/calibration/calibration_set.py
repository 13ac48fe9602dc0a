"""The calibration set: rows of exactly N tokens, each of one language, and the manifest that says how they came."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic_folder import written_aside
from ..corpora import Part
from ..errors import CalibrationSetError
from ..languages import Language

ROWS_FILE = "calibration_set.parquet"
MANIFEST_FILE = "calibration_manifest.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Row:
    """One packed sequence.

    Args:
        language: the one language of all its text.
        input_ids: token ids, shape [sequence_length], int32.
    """

    language: Language
    input_ids: np.ndarray

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row):
            return NotImplemented
        return self.language == other.language and np.array_equal(self.input_ids, other.input_ids)


@dataclass(frozen=True)
class Manifest:
    """How a calibration set came to be, without its text: enough to compare two sets and to build one again.

    Args:
        fingerprint: SHA-256 over the languages and token ids of all rows, in order.
        languages: for each language tag its rows, tokens, asked weight, number of documents, and copies left out.
        sequence_length: tokens of every row.
        seed: of the choice and order of documents.
        mixture: the kind of shares, and the temperature; of "minimax", what the search came to as well.
        document_separator: what stands between two documents.
        messages: whether the documents were chats.
        prefix: token ids at the start of every row.
        part: the part of the corpus it was drawn from; None for all of it.
        deduplicated: whether copies were left out.
        corpus: the corpus's own description.
        tokenizer: its class, size and hash.
        versions: of the packages that took part.
        row_hashes: SHA-256 of each row's token ids, first 16 digits, in order.
        documents: for each language tag the documents used, digest of the text to id.
    """

    fingerprint: str
    languages: dict[str, dict[str, Any]]
    sequence_length: int
    seed: int
    mixture: dict[str, Any]
    document_separator: str
    messages: bool
    prefix: list[int]
    part: Part | None
    deduplicated: bool
    corpus: dict[str, Any]
    tokenizer: dict[str, Any]
    versions: dict[str, str]
    row_hashes: list[str]
    documents: dict[str, dict[str, str]] = field(repr=False)
    format_version: int = FORMAT_VERSION

    @property
    def provenance(self) -> dict[str, Any]:
        """The compact form that travels in a checkpoint's config.json."""
        return {
            "package": f"optimum-multilingual {self.versions.get('optimum_multilingual', 'unknown')}",
            "fingerprint": self.fingerprint,
            "rows": {tag: entry["rows"] for tag, entry in self.languages.items()},
            "sequence_length": self.sequence_length,
            "mixture": self.mixture,
            "seed": self.seed,
            "corpus": self.corpus,
        }

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return asdict(self)

    @classmethod
    def load(cls, path: str | Path) -> Manifest:
        """Reads the manifest in a file, or in the folder of a set.

        Raises:
            CalibrationSetError: it cannot be read, is damaged, or is of another version.
        """
        path = Path(path) / MANIFEST_FILE if Path(path).is_dir() else Path(path)
        if not path.is_file():
            raise CalibrationSetError(f"There is no file {path}; give the {MANIFEST_FILE} of a calibration set.")
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise CalibrationSetError(f"{path} is no whole manifest ({error}); build the set again.") from error

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Manifest:
        """Reads back what `to_dict` wrote.

        Raises:
            CalibrationSetError: another version wrote it.
        """
        if values.get("format_version") != FORMAT_VERSION:
            raise CalibrationSetError(
                f"This manifest has format_version {values.get('format_version')!r}; this version of "
                f"optimum-multilingual reads {FORMAT_VERSION}. Build the set again, or install the version that wrote it."
            )
        return cls(**values)


@dataclass(frozen=True)
class CalibrationSet:
    """Rows for a quantizer, balanced over languages.

        row 0   eng_Latn   [ b  412  9 ... ]      every row has the same length,
        row 1   swh_Latn   [ b   77 31 ... ]      one language,
        row 2   cmn_Hans   [ b 5120  8 ... ]      and no padding;
        row 3   eng_Latn   [ b   18  4 ... ]      every prefix is as balanced as it can be

        >>> calibration_set = build_calibration_set(config, tokenizer)
        >>> calibration_set.rows_of_languages()
        {'eng_Latn': 6, 'swh_Latn': 6, 'cmn_Hans': 6}

    Args:
        rows: in the order the engine is to see them.
        manifest: how they came to be.
    """

    rows: tuple[Row, ...]
    manifest: Manifest = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the languages and token ids of all rows, in order."""
        return self.manifest.fingerprint

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages of its rows, in the order they first come."""
        return tuple(dict.fromkeys(row.language for row in self.rows))

    def rows_of_languages(self) -> dict[str, int]:
        """Rows of each language, by tag."""
        return dict(Counter(row.language.tag for row in self.rows))

    def token_ids(self) -> np.ndarray:
        """All token ids, shape [rows, sequence_length], int32."""
        return np.stack([row.input_ids for row in self.rows])

    def save(self, folder: str | Path) -> None:
        """Writes `calibration_set.parquet` and `calibration_manifest.json` into a folder, both or none.

        Raises:
            CheckpointError: they cannot be written; an older set there is as it was.
        """
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.table(
            {"language": [row.language.tag for row in self.rows], "input_ids": [row.input_ids for row in self.rows]}
        )
        with written_aside(Path(folder), MANIFEST_FILE) as aside:
            pyarrow.parquet.write_table(table, aside / ROWS_FILE)
            write_json(aside / MANIFEST_FILE, self.manifest.to_dict())

    @classmethod
    def load(cls, folder: str | Path) -> CalibrationSet:
        """Reads back what `save` wrote and proves by the fingerprint that nothing changed.

        Raises:
            CalibrationSetError: a file is missing or damaged, or the rows are not those of the manifest.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise CalibrationSetError(f"There is no folder {folder}; give one that `CalibrationSet.save` wrote.")
        rows, manifest = _read_rows(folder / ROWS_FILE), Manifest.load(folder / MANIFEST_FILE)
        found = fingerprint_of(rows)
        if found != manifest.fingerprint:
            raise CalibrationSetError(
                f"The rows in {ROWS_FILE} have the fingerprint {found[:16]}, the manifest says "
                f"{manifest.fingerprint[:16]}; one of the two files was changed. Build the set again."
            )
        return cls(rows, manifest)


def fingerprint_of(rows: Iterable[Row]) -> str:
    """SHA-256 over language and token ids of every row, in order; the same on any machine."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row.language.tag.encode())
        digest.update(row.input_ids.astype("<i4").tobytes())
    return digest.hexdigest()


def hash_of(row: Row) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a row's token ids."""
    return hashlib.sha256(row.input_ids.astype("<i4").tobytes()).hexdigest()[:16]


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Writes values as JSON that people can read, in UTF-8."""
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _read_rows(path: Path) -> tuple[Row, ...]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
        tags, ids = table["language"].to_pylist(), table["input_ids"].to_pylist()
        return tuple(
            Row(Language.from_tag(tag), np.array(row, dtype=np.int32)) for tag, row in zip(tags, ids, strict=True)
        )
    except (OSError, KeyError, TypeError, ValueError, OverflowError, pyarrow.ArrowException) as error:
        raise CalibrationSetError(f"{path} is no whole calibration set ({error}); build the set again.") from error
