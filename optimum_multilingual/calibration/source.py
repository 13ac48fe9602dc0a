"""Text of a corpus on its way to rows: one part of it, shuffled, without copies, tokenized, counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..corpora import Corpus, Document, Part, shuffled_documents
from ..corpora.duplicates import DuplicateFilter
from ..languages import Language
from .encoding import TextEncoder
from .packing import TokenizedDocument


@dataclass
class Counts:
    """What has passed so far in one language."""

    documents: int = 0
    tokens: int = 0
    num_bytes: int = 0
    num_characters: int = 0
    duplicates: int = 0


@dataclass
class TextSource:
    """Draws each language's documents in an order that depends on the seed alone.

    Args:
        corpus: where the text comes from.
        part: the part to draw from; None for all of it.
        seed: of the order.
        encoder: makes token ids of texts.
        deduplicate: leave out texts that came before, exactly or nearly.
        counts: what has passed, for each language; filled while documents are drawn.
    """

    corpus: Corpus
    part: Part | None
    seed: int
    encoder: TextEncoder
    deduplicate: bool
    counts: dict[Language, Counts] = field(default_factory=dict)

    def draw(self, language: Language) -> Iterator[TokenizedDocument]:
        """The documents of a language, from the first one again at every call."""
        counts = self.counts[language] = Counts()
        for document in self.encoder.tokenize(self._documents(language, counts)):
            counts.documents += 1
            counts.tokens += len(document.tokens)
            counts.num_bytes += document.num_bytes
            counts.num_characters += document.num_characters
            yield document

    def _documents(self, language: Language, counts: Counts) -> Iterator[Document]:
        documents = shuffled_documents(self.corpus, language, self.part, self.seed)
        return self._without_copies(documents, counts) if self.deduplicate else documents

    def _without_copies(self, documents: Iterator[Document], counts: Counts) -> Iterator[Document]:
        seen = DuplicateFilter()
        for document in documents:
            if seen.is_duplicate(document):
                counts.duplicates += 1
            else:
                yield document

    def num_bytes(self, language: Language) -> int:
        """All text of a language that can be drawn, in bytes of UTF-8; of copies only exact ones are known here.

        Raises:
            CorpusError: as in `TextEncoder.text_of`.
        """
        total, seen = 0, set()
        for document in self.corpus.documents(language):
            if self.part in (None, document.part) and document.digest not in seen:
                total += len(self.encoder.text_of(document).encode())
                # Near copies would be known by kilobytes each, of a whole corpus.
                if self.deduplicate:
                    seen.add(document.digest)
        return total
