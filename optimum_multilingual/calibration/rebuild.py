"""Builds a calibration set again from its manifest, and says where the two differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..corpora import Corpus, require_languages
from ..errors import CalibrationSetError
from ..languages import Language
from .build import assemble
from .calibration_set import CalibrationSet, Manifest
from .encoding import TextEncoder
from .nonsense import NONSENSE, build_nonsense_set
from .plan import Plan
from .source import TextSource
from .tokenization import describe_tokenizer


@dataclass(frozen=True)
class Rebuild:
    """What became of a rebuild.

    Args:
        rebuilt: the new set.
        different_rows: places of rows that are not the manifest's.
    """

    rebuilt: CalibrationSet
    different_rows: tuple[int, ...]

    @property
    def identical(self) -> bool:
        """Whether every row is the manifest's."""
        return not self.different_rows


def rebuild(manifest: Manifest, corpus: Corpus, tokenizer: Any) -> Rebuild:
    """Builds the set of a manifest from its corpus and compares it row by row.

        >>> rebuild(CalibrationSet.load("set/").manifest, open_corpus("my_texts/"), tokenizer).identical
        True

    Args:
        manifest: of the set.
        corpus: the corpus it was built from; nonsense has none, and none is read.
        tokenizer: the tokenizer it was built with.

    Raises:
        CalibrationSetError: the tokenizer is another one.
        CorpusError: the corpus lacks a language, or has too little text now.
    """
    require_same_tokenizer(manifest, tokenizer)
    if manifest.corpus["kind"] == NONSENSE:
        kind, size = manifest.mixture["kind"], (len(manifest.row_hashes), manifest.sequence_length)
        return _compare(build_nonsense_set(kind, tokenizer, *size, seed=manifest.seed), manifest)
    languages = {Language.from_tag(tag): entry for tag, entry in manifest.languages.items()}
    require_languages(corpus, languages)
    plan = Plan(
        {language: entry["rows"] for language, entry in languages.items()},
        {language: entry["weight"] for language, entry in languages.items()},
        manifest.sequence_length,
    )
    encoder = TextEncoder(tokenizer, manifest.document_separator, manifest.messages)
    source = TextSource(corpus, manifest.part, manifest.seed, encoder, manifest.deduplicated)
    return _compare(assemble(plan, source, tokenizer, manifest.mixture), manifest)


def _compare(rebuilt: CalibrationSet, manifest: Manifest) -> Rebuild:
    pairs = zip(rebuilt.manifest.row_hashes, manifest.row_hashes, strict=True)
    return Rebuild(rebuilt, tuple(place for place, (new, old) in enumerate(pairs) if new != old))


def require_same_tokenizer(manifest: Manifest, tokenizer: Any) -> None:
    """Refuses a tokenizer to which the token ids of a set mean other text.

    Raises:
        CalibrationSetError: it is not the one the set was built with.
    """
    found, built = describe_tokenizer(tokenizer, manifest.messages), manifest.tokenizer
    if found["sha256"] != built["sha256"]:
        raise CalibrationSetError(
            f"The set was built with another tokenizer: {built['class']} of {built['vocab_size']} tokens, hash "
            f"{built['sha256'][:16]}; this one is a {found['class']} of {found['vocab_size']}, hash {found['sha256'][:16]}. "
            "Give the tokenizer it was built with, or build the set again with this one."
        )
