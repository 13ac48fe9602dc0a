"""The first part of a document that is longer than what is asked for in all, with the bytes and characters of that part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..calibration.packing import TokenizedDocument

# A character has up to four bytes, so as many tokens of a tokenizer over bytes; of those at most three can lie before a cut.
MOST_INSIDE_A_CHARACTER = 3


def first_part(document: TokenizedDocument, tokenizer: Any, most: int) -> TokenizedDocument:
    """A document of at most so many tokens; one that is not longer stays as it is.

        >>> first_part(book, tokenizer, 12_288).num_bytes
        48211

    The text itself is gone by now, and is read back from its tokens. What a tokenizer does not give back, such as blanks or
    unknown words, is taken to be spread evenly over the document.

    Args:
        document: as the tokenizer encoded it.
        tokenizer: the same one.
        most: tokens to keep; up to three fewer are kept where the cut would fall inside a character.
    """
    if len(document.tokens) <= most:
        return document
    whole = _text(tokenizer, document.tokens)
    tokens = document.tokens[: _end(tokenizer, document.tokens, most, whole)]
    part, of_tokens = _text(tokenizer, tokens), len(tokens) / len(document.tokens)
    return replace(
        document,
        tokens=tokens,
        num_bytes=_share(document.num_bytes, len(part.encode()), len(whole.encode()), of_tokens),
        num_characters=_share(document.num_characters, len(part), len(whole), of_tokens),
    )


def _end(tokenizer: Any, tokens: list[int], most: int, whole: str) -> int:
    """How many tokens to keep: so many that their text begins the whole; one that ends inside a character does not."""
    for end in range(most, max(0, most - MOST_INSIDE_A_CHARACTER - 1), -1):
        if whole.startswith(_text(tokenizer, tokens[:end])):
            return end
    return most


def _text(tokenizer: Any, tokens: list[int]) -> str:
    return str(tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def _share(of_document: int, of_part: int, of_whole: int, of_tokens: float) -> int:
    """How much of a document's bytes or characters its part has."""
    return max(1, round(of_document * (of_part / of_whole if of_whole else of_tokens)))
