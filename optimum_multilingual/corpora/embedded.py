"""The small parallel corpus inside the package: for first runs and tests, not for releases."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any

from ..languages import Language, find_language
from .document import Document, Part

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

# Every fourth paragraph is for evaluation. Genres come in blocks of twelve, so both parts hold every genre, and
# because the languages are parallel, every language is evaluated on the same content.
EVALUATION_EVERY = 4


class EmbeddedCorpus:
    """96 paragraphs, the same in every language, written for this package (CC0).

    >>> corpus = EmbeddedCorpus()
    >>> next(corpus.documents(find_language("en"))).text[:21]
    'The city council vote'
    """

    def languages(self) -> tuple[Language, ...]:
        return _languages()

    def documents(self, language: Language) -> Iterator[Document]:
        text = _folder().joinpath(f"{language.tag}.txt").read_text(encoding="utf-8")
        for number, paragraph in enumerate(text.splitlines(), start=1):
            part: Part = "evaluation" if number % EVALUATION_EVERY == 0 else "calibration"
            yield Document.from_text(f"embedded/{language.tag}/{number}", paragraph, part)

    def identity(self) -> dict[str, Any]:
        """The texts change with the package only."""
        return {"package": metadata.version("optimum-multilingual")}

    def describe(self) -> dict[str, Any]:
        return {"kind": "embedded", "licence": "CC0-1.0", "use": "first runs and tests, not releases"}


def _folder() -> Traversable:
    return resources.files("optimum_multilingual").joinpath("data", "corpus")


@lru_cache(maxsize=1)
def _languages() -> tuple[Language, ...]:
    names = sorted(entry.name for entry in _folder().iterdir() if entry.name.endswith(".txt"))
    return tuple(find_language(name.removesuffix(".txt")) for name in names)
