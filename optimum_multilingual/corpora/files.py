"""Reads the texts of one local file: txt, jsonl, csv or parquet, the first three also gzipped."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import CorpusFileError

# A reader yields (position in the file, text or chat); the position is a line number, or a row number for parquet.
Texts = Iterator[tuple[int, Any]]

# Of a CSV file, in characters: the most that the csv module takes on every machine. Its own limit is 131,072.
LONGEST_FIELD = 2**31 - 1

# Rows of a parquet file that are read at a time: texts may be as long as books.
BATCH_ROWS = 100


def read_texts(path: Path, text_column: str) -> Texts:
    """Yields the texts or chats of a file with their line numbers, in order.

        sw.txt, sw.txt.gz        one document a line
        sw.jsonl, sw.jsonl.gz    {"text": "..."} a line, or a chat: {"text": [{"role": "user", "content": "..."}]}
        sw.csv, sw.csv.gz        a header with a text column
        sw.parquet               a text column of strings

    Args:
        path: the file; its name's ending says how it is read.
        text_column: the key or column that holds the text, where there are several.

    Raises:
        CorpusFileError: the file is missing, empty, binary, wrongly encoded, truncated, or lacks the column.
    """
    reader = READERS.get(file_format(path) or "")
    if reader is None:
        raise CorpusFileError(
            f"{path.name} has no ending that can be read; allowed are {', '.join(READERS)}, and all but parquet "
            "with .gz after it."
        )
    require_file(path)
    if path.stat().st_size == 0:
        raise CorpusFileError(f"{path.name} is empty (0 bytes); it should hold text in one of the corpus's languages.")
    for position, value in reader(path, text_column):
        if not isinstance(value, str) or value.strip():
            yield position, value


def require_file(path: Path) -> None:
    """Checks that there is such a file.

    Raises:
        CorpusFileError: there is none.
    """
    if not path.is_file():
        raise CorpusFileError(f"There is no file {path}; check the path given as corpus.")


def file_format(path: Path) -> str | None:
    """The ending that decides how a file is read, or None for one that is no corpus file."""
    name = path.name.removesuffix(".gz")
    ending = Path(name).suffix
    return ending if ending in READERS and (ending != ".parquet" or name == path.name) else None


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    opener: Callable[..., Any] = gzip.open if path.name.endswith(".gz") else open
    number = 0
    try:
        with opener(path, "rb") as file:
            for number, raw in enumerate(file, start=1):
                yield number, _decode(raw, path, number)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorpusFileError(
            f"{path.name}, after line {number}: the gzip data is damaged or cut short ({error}); copy or download the "
            "file again."
        ) from error


def _decode(raw: bytes, path: Path, number: int) -> str:
    if b"\x00" in raw or (number == 1 and raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))):
        raise CorpusFileError(
            f"{path.name}, line {number}: contains NUL bytes or a UTF-16 mark, so it is a binary file or UTF-16; corpus "
            "files are UTF-8 text (`iconv -f UTF-16 -t UTF-8` converts)."
        )
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise CorpusFileError(
            f"{path.name}, line {number}: byte {raw[error.start]:#04x} at position {error.start} is not UTF-8; convert "
            "the file, for example with `iconv -f LATIN1 -t UTF-8`."
        ) from error


def _read_txt(path: Path, text_column: str) -> Texts:
    return _lines(path)


def _read_jsonl(path: Path, text_column: str) -> Texts:
    for number, line in _lines(path):
        if not line.strip():
            continue
        yield number, _field(_record(line, text_column, path, number), text_column, path, number)


def _record(line: str, text_column: str, path: Path, number: int) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise CorpusFileError(
            f"{path.name}, line {number}: not a whole JSON object ({error.msg}, column {error.colno}); each line "
            f'must be one, such as {{"{text_column}": "..."}}. A file that was cut short ends like this.'
        ) from error
    except (ValueError, RecursionError) as error:
        raise CorpusFileError(
            f"{path.name}, line {number}: JSON that Python cannot read ({error}), such as a number of thousands of digits "
            "or lists inside lists a thousand deep; repair or remove that line."
        ) from error


def _read_csv(path: Path, text_column: str) -> Texts:
    # The reader joins the lines of a quoted text with their ends, and strictly: a quote never closed is an error.
    reader = csv.DictReader((f"{line}\n" for _, line in _lines(path)), strict=True)
    try:
        for record in _whole_records(reader):
            yield reader.line_num, _field(record, text_column, path, reader.line_num)
    except csv.Error as error:
        raise CorpusFileError(
            f"{path.name}, after line {reader.line_num}: not readable as CSV ({error}); close every quote and double those "
            "inside a text, or write the texts as .jsonl. A file that was cut short ends like this."
        ) from error


def _whole_records(reader: Iterator[dict[Any, Any]]) -> Iterator[dict[Any, Any]]:
    """Records with fields of any length; the limit of the csv module, which all of a process share, is put back after each."""
    while True:
        limit = csv.field_size_limit(LONGEST_FIELD)
        try:
            record = next(reader, None)
        finally:
            csv.field_size_limit(limit)
        if record is None:
            return
        yield record


def _field(record: Any, text_column: str, path: Path, number: int) -> Any:
    if isinstance(record, dict) and isinstance(record.get(text_column), str | list):
        return record[text_column]
    if isinstance(record, dict) and text_column in record:
        raise CorpusFileError(
            f"{path.name}, line {number}: the value of {text_column!r} is of type {type(record[text_column]).__name__}; "
            "every text must be a string, so repair or remove that one."
        )
    found = ", ".join(map(repr, record)) if isinstance(record, dict) else type(record).__name__
    raise CorpusFileError(
        f"{path.name}, line {number}: no text under {text_column!r}, found {found}; name the right one with text_column=."
    )


def _read_parquet(path: Path, text_column: str) -> Texts:
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        if text_column not in file.schema_arrow.names:
            raise CorpusFileError(
                f"{path.name}: no column {text_column!r}, found {', '.join(map(repr, file.schema_arrow.names))}; name "
                "the right one with text_column=."
            )
        number = 0
        for batch in file.iter_batches(BATCH_ROWS, columns=[text_column]):
            for text in batch.column(0).to_pylist():
                number += 1
                yield number, _field({text_column: text}, text_column, path, number)
    except (pyarrow.ArrowException, OSError) as error:
        raise CorpusFileError(
            f"{path.name} is not a whole parquet file ({error}); copy or download it again."
        ) from error


READERS: dict[str, Callable[[Path, str], Texts]] = {
    ".txt": _read_txt,
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
