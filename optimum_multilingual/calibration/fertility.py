"""Fertility: how many tokens a tokenizer needs for the text of each language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..corpora import Corpus, require_languages
from ..errors import CorpusExhaustedError
from ..languages import Language
from .encoding import TextEncoder

# Fertility is an average, which changes little after this many documents.
DOCUMENTS_PER_LANGUAGE = 1000


@dataclass(frozen=True)
class Fertility:
    """The size of one language's text, counted in four ways.

        "Habari!" in 3 tokens   ->   7 characters, 7 bytes, 0.43 tokens a character, 0.43 tokens a byte
        "你好!" in 3 tokens      ->   3 characters, 7 bytes, 1.00 tokens a character, 0.43 tokens a byte

    Args:
        language: of the text.
        documents: how many were read.
        tokens: of all documents, without special tokens.
        unknown: those of the tokens that stand for text the tokenizer cannot write.
        characters: Unicode code points, in NFC.
        bytes: of the text in UTF-8.
    """

    language: Language
    documents: int
    tokens: int
    unknown: int
    characters: int
    bytes: int

    @property
    def tokens_per_byte(self) -> float:
        """Tokens for each byte of UTF-8."""
        return self.tokens / self.bytes

    @property
    def tokens_per_character(self) -> float:
        """Tokens for each code point."""
        return self.tokens / self.characters

    @property
    def unknown_share(self) -> float:
        """The share of unknown tokens; where there are many, the other numbers say little."""
        return self.unknown / self.tokens

    def relative_to(self, other: Fertility) -> float:
        """Tokens for each token of another language; means something where both texts say the same."""
        return self.tokens / other.tokens


def measure_fertility(
    corpus: Corpus, languages: Iterable[Language], tokenizer: Any, documents: int = DOCUMENTS_PER_LANGUAGE
) -> tuple[Fertility, ...]:
    """Counts the tokens, characters and bytes of each language's first documents.

        >>> corpus = EmbeddedCorpus()
        >>> [round(each.tokens_per_byte, 2) for each in measure_fertility(corpus, corpus.languages(), tokenizer)]

    Args:
        corpus: where the text comes from.
        languages: which of its languages.
        tokenizer: a Transformers tokenizer.
        documents: how many to read of each language, at most.

    Raises:
        CorpusError: the corpus lacks a language; CorpusExhaustedError where it has no text of one.
    """
    languages = tuple(languages)
    require_languages(corpus, languages)
    return tuple(_measure(corpus, language, tokenizer, documents) for language in languages)


def _measure(corpus: Corpus, language: Language, tokenizer: Any, limit: int) -> Fertility:
    documents = list(islice(corpus.documents(language), limit))
    tokens = [token for each in TextEncoder(tokenizer, separator="").tokenize(documents) for token in each.tokens]
    if not tokens:
        raise CorpusExhaustedError(
            f"The corpus has no text of {language.name} ({language.tag}), so its fertility cannot be measured; give a "
            "corpus with text in it, or leave the language out."
        )
    return Fertility(
        language=language,
        documents=len(documents),
        tokens=len(tokens),
        unknown=0 if tokenizer.unk_token_id is None else tokens.count(tokenizer.unk_token_id),
        characters=sum(len(document.text) for document in documents),
        bytes=sum(len(document.text.encode()) for document in documents),
    )
