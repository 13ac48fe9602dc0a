"""Documents of one language packed into rows of one length. Pure: token ids in, rows out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TokenizedDocument:
    """A text as token ids.

    Args:
        id: where it came from.
        digest: by which equal texts are known.
        tokens: token ids, the separator included.
        num_bytes: length of the text in UTF-8; of a chat, of the text that its template makes of it.
        num_characters: the same in code points.
    """

    id: str
    digest: str
    tokens: list[int]
    num_bytes: int
    num_characters: int


@dataclass(frozen=True)
class PackedRow:
    """Exactly `sequence_length` token ids, shape [sequence_length], int32, and the documents (id, digest) they came from."""

    input_ids: np.ndarray
    documents: tuple[tuple[str, str], ...]


def pack(
    documents: Iterable[TokenizedDocument], sequence_length: int, prefix: tuple[int, ...] = ()
) -> Iterator[PackedRow]:
    """Cuts a stream of documents into rows of exactly `sequence_length` tokens.

        documents   [1 1 1 1 1] [2 2] [3 3 3 3 3 3]        prefix (b,)  length 4
        rows        [b 1 1 1] [b 1 1 2] [b 2 3 3] [b 3 3 3]     the last 3 did not fill a row

    No token is dropped but those that do not fill a last row, and no row holds padding.

    Args:
        documents: in the order they are to be used.
        sequence_length: tokens of a row, the prefix included.
        prefix: tokens at the start of every row, such as the one that begins a sequence.
    """
    room = sequence_length - len(prefix)
    assert room > 0, "a row must have room for text"
    tokens: list[int] = []
    sources: list[tuple[str, str]] = []
    for document in documents:
        start = 0
        while start < len(document.tokens):
            end = start + room - len(tokens)
            tokens += document.tokens[start:end]
            start = end
            sources.append((document.id, document.digest))
            if len(tokens) == room:
                yield PackedRow(np.array([*prefix, *tokens], np.int32), tuple(sources))
                tokens, sources = [], []
