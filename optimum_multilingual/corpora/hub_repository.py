"""One dataset repository of the Hub: its commit, its files, and the rows of a file. The network is reached here alone."""

from __future__ import annotations

import logging
import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import httpx
import pyarrow.parquet
from huggingface_hub import HfApi, HfFileSystem, constants
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from ..errors import HubCorpusError
from .hub_errors import explain, is_transient, retry_after

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# Names of all columns of a file, and the values of some rows in those that were asked for.
Batch = tuple[Iterable[str], Mapping[str, Sequence[Any]]]

# Seconds before each new try of a request for a commit or a list of files. Requests for text are tried again by the
# clients: five times within 23 seconds by huggingface_hub, and then by datasets as datasets.config.STREAMING_READ_* say.
RETRY_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)

# Which builder of `datasets` reads a file that is not parquet, by its ending. None of them runs code of the repository.
BUILDERS = {"json": "json", "jsonl": "json", "csv": "csv", "txt": "text"}

# Rows that a reader hands over at a time: one by one takes four times as long.
BATCH_ROWS = 100

# What the clients raise for a file that cannot be fetched or parsed.
READ_ERRORS = (OSError, ValueError, EOFError, zlib.error, pyarrow.ArrowException, httpx.HTTPError, HfHubHTTPError)


class HubRepository:
    """A dataset repository at one commit.

        >>> repository = HubRepository("wikimedia/wikipedia")
        >>> next(repository.rows("20231101.sw/train-00000-of-00001.parquet", ["text"]))

    Args:
        id: owner/name.
        revision: commit, branch or tag; None for `main`. A branch is resolved to its commit once.
        retry_waits: seconds before each new try of a request that failed for the moment.
    """

    def __init__(self, id: str, revision: str | None = None, retry_waits: Sequence[float] = RETRY_WAITS):
        self.id = id
        self.revision = revision or constants.DEFAULT_REVISION
        self.retry_waits = retry_waits

    @cached_property
    def commit(self) -> str:
        """The commit that is read, 40 hexadecimal digits."""
        if re.fullmatch("[0-9a-f]{40}", self.revision):
            return self.revision
        info = self._ask(lambda: HfApi().dataset_info(self.id, revision=self.revision), "")
        return str(info.sha)

    def names(self, folder: str) -> list[str]:
        """Paths of the files and folders directly in a folder; none where there is no such folder."""
        return self._list(lambda: self._tree.ls(f"{self._root}/{folder}".rstrip("/"), detail=False), folder)

    def files(self, folder: str) -> list[str]:
        """Paths of all files below a folder; none where there is no such folder."""
        return self._list(lambda: self._tree.find(f"{self._root}/{folder}".rstrip("/")), folder)

    def rows(self, path: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Streams the rows of one file, in order, with the columns asked for.

        Args:
            path: of a parquet, jsonl, json, csv or txt file; all but parquet also gzipped.
            columns: those that are needed; of a parquet file only they are fetched.

        Raises:
            HubCorpusError: the file cannot be reached or read, or lacks a column.
        """
        place = f"{self._root}/{path}"
        parquet = path.endswith(".parquet")
        batches = _parquet_batches(self._tree, place, columns) if parquet else _dataset_batches(place, columns)
        try:
            for found, batch in batches:
                self._check_columns(path, columns, found)
                yield from (dict(zip(columns, values)) for values in zip(*(batch[column] for column in columns)))
        except READ_ERRORS as error:
            raise explain(error, self.id, self.commit, path) from error

    @cached_property
    def _tree(self) -> HfFileSystem:
        # Shared instances remember for the life of the process that a repository was missing, also after a login.
        return HfFileSystem(skip_instance_cache=True)

    @property
    def _root(self) -> str:
        return f"datasets/{self.id}@{self.commit}"

    def _check_columns(self, path: str, columns: Sequence[str], found: Iterable[str]) -> None:
        for column in columns:
            if column not in found:
                raise HubCorpusError(
                    f"The file {path} of {self.id} has no column {column!r}, only {', '.join(map(repr, found))}. Read it "
                    "through HubCorpus.from_repository, which takes text_column= and revision=, or choose another corpus."
                )

    def _list(self, call: Callable[[], Iterable[Any]], folder: str) -> list[str]:
        def paths() -> list[str]:
            try:
                return [path.removeprefix(f"{self._root}/") for path in call()]
            except FileNotFoundError as error:
                if error.__cause__ is not None:
                    raise  # the repository or the revision is missing, not the folder
                return []

        return self._ask(paths, folder)

    def _ask(self, call: Callable[[], Result], path: str) -> Result:
        if constants.HF_HUB_OFFLINE:
            raise explain(OfflineModeIsEnabled(), self.id, self.revision)
        waits = iter(self.retry_waits)
        while True:
            try:
                return call()
            except READ_ERRORS as error:
                wait = next(waits, None)
                if wait is None or not is_transient(error):
                    raise explain(error, self.id, self.revision, path) from error
                wait = max(wait, retry_after(error))
                logger.warning("%s: %s; asking again in %g seconds.", type(error).__name__, self.id, wait)
            time.sleep(wait)


def needs_datasets(pattern: str) -> bool:
    """Whether files of a name are read through the package `datasets`."""
    return not pattern.endswith(".parquet")


def _parquet_batches(tree: HfFileSystem, path: str, columns: Sequence[str]) -> Iterator[Batch]:
    # Not through `datasets`: its stream of a parquet file, not read to the end, aborts or hangs the process at exit,
    # because pyarrow.dataset still reads ahead. https://github.com/apache/arrow/issues/45214
    with tree.open(path, "rb") as file:
        table = pyarrow.parquet.ParquetFile(file)
        names = table.schema_arrow.names
        if not set(columns) <= set(names):
            yield names, {}
        for batch in table.iter_batches(BATCH_ROWS, columns=list(columns)):
            yield names, batch.to_pydict()


def _dataset_batches(path: str, columns: Sequence[str]) -> Iterator[Batch]:
    from datasets import load_dataset

    builder = _builder(path)
    # Values in csv stay as they are written: "nan" is a language, and "012" may be a text.
    options = {"converters": dict.fromkeys(columns, str), "na_filter": False} if builder == "csv" else {}
    files = {"train": [f"hf://{path}"]}
    for batch in load_dataset(builder, data_files=files, split="train", streaming=True, **options).iter(BATCH_ROWS):
        yield list(batch), batch


def _builder(path: str) -> str:
    ending = path.removesuffix(".gz").rpartition(".")[2]
    if ending not in BUILDERS:
        raise HubCorpusError(
            f"The file {path} has no ending that can be read; allowed are parquet, {', '.join(BUILDERS)}, and all but "
            "parquet with .gz after it."
        )
    return BUILDERS[ending]
