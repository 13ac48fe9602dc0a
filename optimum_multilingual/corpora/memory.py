"""Texts that are already in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import ConfigError
from ..languages import Language
from .document import Document


class MappingCorpus:
    """A mapping of language to texts.

        >>> corpus = MappingCorpus({find_language("sw"): ["Habari za asubuhi.", "Karibu nyumbani."]})

    Args:
        texts: an iterable of str for each language. One that can be read only once is read into memory here.

    Raises:
        ConfigError: a language has a set, a mapping or a dataset, which are no texts in an order.
    """

    def __init__(self, texts: Mapping[Language, Iterable[str]]):
        self.texts = {language: _rereadable(language, given) for language, given in texts.items()}

    def languages(self) -> tuple[Language, ...]:
        return tuple(self.texts)

    def documents(self, language: Language) -> Iterator[Document]:
        for number, value in enumerate(self.texts[language], start=1):
            if not isinstance(value, str) or value.strip():
                yield Document.from_value(f"memory/{language.tag}/{number}", value)

    def describe(self) -> dict[str, Any]:
        return {"kind": "mapping", "languages": [language.tag for language in self.texts]}


def _rereadable(language: Language, texts: Iterable[str]) -> Iterable[str]:
    instead = _what_to_give(texts, language.short)
    if instead is not None:
        raise ConfigError(
            f"The texts of {language.name} ({language.tag}) are given as a {type(texts).__name__}, and a list, or another "
            f"iterable that is in the same order every time, is needed; {instead}."
        )
    return list(texts) if isinstance(texts, Iterator) else texts


def _what_to_give(texts: Iterable[str], code: str) -> str | None:
    """What to give in place of something that can be iterated over, and still is no texts in an order; None for texts."""
    if isinstance(texts, set | frozenset):
        return f"a set has another order in every process, so give {{{code!r}: sorted(texts)}}"
    if hasattr(texts, "column_names"):
        return f"give the column of the texts, such as {{{code!r}: dataset['text']}}"
    if isinstance(texts, Mapping):
        return f"of a mapping only the keys would be read, so give {{{code!r}: list(texts.values())}} if its values are the texts"
    return None
