"""What every corpus gives: documents, each of one language and of one part."""

from __future__ import annotations

import hashlib
import json
import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

from ..errors import CorpusError
from ..languages import Language

Part = Literal["calibration", "evaluation"]

# One document in five is held out for evaluation.
HELD_OUT_ONE_IN = 5

# Documents are shuffled inside a buffer of this many, so that a corpus of any size needs the same memory.
SHUFFLE_BUFFER = 10_000

# And of fewer where they are as long as books: in characters, of which one takes up to four bytes.
SHUFFLE_CHARACTERS = 256_000_000


@dataclass(frozen=True)
class Document:
    """One text of one language.

        >>> Document.from_text("sw.txt:1", "Habari za asubuhi.").part
        'calibration'

    Args:
        id: says where the text came from inside its corpus; no folder of the machine, no text.
        text: the text itself, in Unicode NFC.
        part: "calibration" or "evaluation".
        digest: 16 hexadecimal digits of the text's SHA-256, by which equal texts are known.
        is_chat: the text is a JSON list of {"role", "content"} messages.
    """

    id: str
    text: str
    part: Part
    digest: str
    is_chat: bool = False

    @classmethod
    def from_text(cls, id: str, text: str, part: Part | None = None) -> Document:
        """Normalises a text to NFC and, where the corpus has no parts of its own, puts it into one by its content.

        Halves of surrogate pairs, which no tokenizer takes, become U+FFFD.
        Equal texts always fall into the same part, so calibration and evaluation can never share one.
        """
        normal = unicodedata.normalize("NFC", text).strip()
        try:
            data = normal.encode()
        except UnicodeEncodeError:
            return cls.from_text(id, text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), part)
        digest = hashlib.sha256(data).hexdigest()[:16]
        if part is None:
            part = "evaluation" if int(digest, 16) % HELD_OUT_ONE_IN == 0 else "calibration"
        return cls(id, normal, part, digest)

    @classmethod
    def from_value(cls, id: str, value: Any) -> Document:
        """Takes what stands under a text column: a text, or a chat as a list of {"role", "content"} messages.

        Raises:
            CorpusError: it is neither.
        """
        if isinstance(value, str):
            return cls.from_text(id, value)
        if not _is_chat(value):
            raise CorpusError(
                f"{id} is of type {type(value).__name__}; every text must be a string, or a list of messages such as "
                '[{"role": "user", "content": "..."}]. Repair or remove that one.'
            )
        messages = [{"role": message["role"], "content": message["content"]} for message in value]
        return replace(cls.from_text(id, json.dumps(messages, ensure_ascii=False)), is_chat=True)


def _is_chat(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(message, dict) for message in value)
        and all(isinstance(message.get(key), str) for message in value for key in ("role", "content"))
    )


@runtime_checkable
class Corpus(Protocol):
    """Where text comes from. Anything with these three methods can be given as `corpus=`."""

    def languages(self) -> tuple[Language, ...]:
        """The languages there is text for."""

    def documents(self, language: Language) -> Iterator[Document]:
        """All documents of one language, in the same order every time."""

    def describe(self) -> dict[str, Any]:
        """What the manifest says of the corpus: kind, revision, licence. No texts, no folders, no credentials."""


@runtime_checkable
class StreamedCorpus(Corpus, Protocol):
    """A corpus too large to be read to its end: it brings its documents in a seeded order by itself, nearly enough.

    Args:
        shuffle_buffer: documents to hold while shuffling what `stream` brings.
    """

    shuffle_buffer: int

    def stream(self, language: Language, part: Part | None, generator: random.Random) -> Iterator[Document]:
        """The documents of one part of one language, file after file in an order that the generator decides."""


def shuffled_documents(
    corpus: Corpus,
    language: Language,
    part: Part | None,
    seed: int,
    buffer_size: int = SHUFFLE_BUFFER,
    buffer_characters: int = SHUFFLE_CHARACTERS,
) -> Iterator[Document]:
    """Streams one part of one language in an order that depends on the seed alone.

    Args:
        corpus: the corpus to read.
        language: one of its languages.
        part: "calibration" or "evaluation"; None for both.
        seed: of a private generator; each language has its own, so adding one changes no other.
        buffer_size: documents held in memory while shuffling.
        buffer_characters: the most that these may have together; a single document may have more.
    """
    generator = random.Random(f"{seed}/{language.tag}")
    if isinstance(corpus, StreamedCorpus):
        documents = corpus.stream(language, part, generator)
        buffer_size = min(buffer_size, corpus.shuffle_buffer)
    else:
        documents = (item for item in corpus.documents(language) if part is None or item.part == part)
    buffer: list[Document] = []
    held = 0
    for document in documents:
        buffer.append(document)
        held += len(document.text)
        while len(buffer) > buffer_size or (held > buffer_characters and len(buffer) > 1):
            position = generator.randrange(len(buffer) - 1)  # Any but the newest, which takes its place.
            drawn, buffer[position] = buffer[position], buffer[-1]
            buffer.pop()
            held -= len(drawn.text)
            yield drawn
    generator.shuffle(buffer)
    yield from buffer
