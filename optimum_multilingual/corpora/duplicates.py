"""Finds texts that were seen before, exactly or nearly, in one pass. Pure."""

from __future__ import annotations

import json

import numpy as np

from .document import Document

# A text is remembered by the smallest hash in each of 64 classes of its runs of eight bytes.
RUN_BYTES, CLASSES = 8, 64

# Texts that agree in a whole band of four classes are compared; of two near copies all but one in 5,000 pairs do.
BAND = 4

# Two texts are near copies when they share this part of all runs that either has (Jaccard similarity).
NEAR = 0.8

# Below this many bytes two texts of one pattern ("My name is ...") would count as copies; there only equal ones do.
MIN_BYTES = 120

SAMPLED_BYTES = 2000

_MULTIPLIER, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)
_CLASS_BEGINS = np.arange(CLASSES, dtype=np.uint64) << np.uint64(58)


class DuplicateFilter:
    """Remembers texts of one language and tells whether a new one is a copy.

        >>> seen = DuplicateFilter()
        >>> [seen.is_duplicate(document) for document in (first, another, first)]
        [False, False, True]

    Source: one permutation hashing (Li, Owen and Zhang 2012) with banding (Broder 1997).
    """

    def __init__(self) -> None:
        self._digests: set[str] = set()
        self._with_band: dict[tuple[int, bytes], np.ndarray] = {}

    def is_duplicate(self, document: Document) -> bool:
        """Whether an equal or nearly equal text came before; if not, this one is remembered."""
        if document.digest in self._digests:
            return True
        self._digests.add(document.digest)
        sketch = sketch_of(_said(document) if document.is_chat else document.text)
        if sketch is None:
            return False
        bands = list(enumerate(sketch.reshape(-1, BAND).view(f"V{8 * BAND}")[:, 0].tolist()))
        for band in bands:
            other = self._with_band.get(band)
            if other is not None and np.mean(other == sketch) >= NEAR:
                return True
        self._with_band.update(dict.fromkeys(bands, sketch))
        return False


def _said(chat: Document) -> str:
    """What the messages of a chat say; many chats share one system message, and may be short beside it."""
    return "\n".join(message["content"] for message in json.loads(chat.text) if message["role"] != "system")


def sketch_of(text: str) -> np.ndarray | None:
    """The smallest hash of each class, shape [64], uint64, spaces and case aside; None for a short text."""
    data = text.casefold().encode().translate(None, b" \t\r\n")
    if len(data) < MIN_BYTES:
        return None
    runs: np.ndarray = np.ndarray(len(data) - RUN_BYTES + 1, "<u8", data, strides=(1,))
    # In a longer text a quarter of the runs is enough, chosen by their first byte and so the same in a copy.
    chosen = np.frombuffer(data, np.uint8)[: len(runs)] % 4 == 1
    if len(data) >= SAMPLED_BYTES and chosen.any():
        runs = runs[chosen]
    hashes = runs * _MULTIPLIER
    hashes ^= hashes >> _SHIFT
    hashes *= _MULTIPLIER
    hashes.sort()
    # The class of a hash is its first six bits. A class without any run takes the hash that comes next.
    return hashes[np.searchsorted(hashes, _CLASS_BEGINS) % len(hashes)]
