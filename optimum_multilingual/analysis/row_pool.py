"""Rows of every language built once, and calibration sets that take as many of each as their shares say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from ..calibration.build import build_calibration_set
from ..calibration.calibration_set import CalibrationSet, fingerprint_of, hash_of
from ..calibration.mixture import allocate, interleave
from ..config import SIZES, MultilingualCalibrationConfig
from ..errors import CorpusExhaustedError
from ..languages import Language


@dataclass(frozen=True)
class RowPool:
    """Rows of every language, from which a mixture takes the first ones.

        pool    en  e1 e2 e3 e4 e5          mixture 2:1:1 of 4 rows   e1 s1 e2 z1
                sw  s1 s2 s3                mixture 1:2:1 of 4 rows   s1 e1 s2 z1
                zh  z1 z2 z3 z4

    Sets of two mixtures share the rows that both have, so that what differs between them is the shares.

    Args:
        sets: of each language, a set of its own.
        num_rows: of every mixture.
    """

    sets: Mapping[Language, CalibrationSet]
    num_rows: int

    @classmethod
    def build(
        cls, config: MultilingualCalibrationConfig, num_rows: int, most: int, tokenizer: Any, max_length: int | None
    ) -> RowPool:
        """Draws the rows of every language.

        Args:
            config: languages, corpus and seed; its sizes are not used.
            num_rows: of every mixture.
            most: rows of one language; one with less text gives all that it has, down to its uniform share.
            tokenizer: the model's.
            max_length: of the model, in tokens.

        Raises:
            CorpusExhaustedError: a language has less text than its uniform share needs.
        """
        languages = config.resolved_languages
        least = -(-num_rows // len(languages))
        unsized: dict[str, Any] = dict.fromkeys(SIZES)
        sets = {}
        for language in languages:
            alone = replace(config, languages=[language], mixture="uniform", cache=False, **unsized)
            sets[language] = _as_many_as_there_are(alone, least, max(least, most), tokenizer, max_length)
        return cls(sets, num_rows)

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages, in the order of shares."""
        return tuple(self.sets)

    def counts(self, shares: Sequence[float]) -> list[int]:
        """Whole rows of each language; what a language has too little text for goes to the others."""
        limits = [len(of_it) for of_it in self.sets.values()]
        counts = allocate(self.num_rows, list(shares))
        while any(count > limit for count, limit in zip(counts, limits, strict=True)):
            full = [count >= limit for count, limit in zip(counts, limits, strict=True)]
            taken = sum(limit for limit, is_full in zip(limits, full) if is_full)
            open_shares = [share for share, is_full in zip(shares, full) if not is_full]
            rest = iter(allocate(self.num_rows - taken, open_shares))
            counts = [limit if is_full else next(rest) for limit, is_full in zip(limits, full)]
        return counts

    def mixture(self, shares: Sequence[float]) -> CalibrationSet:
        """The set of a mixture, interleaved so that every prefix is balanced by its shares."""
        counts = self.counts(shares)
        queues = [iter(islice(of_it.rows, count)) for of_it, count in zip(self.sets.values(), counts)]
        rows = tuple(next(queues[place]) for place in interleave(counts))
        manifests = [of_it.manifest for of_it in self.sets.values()]
        length = manifests[0].sequence_length
        described = {
            tag: {"rows": count, "tokens": count * length, "weight": count / self.num_rows}
            for tag, count in zip((language.tag for language in self.sets), counts, strict=True)
        }
        manifest = replace(
            manifests[0],
            fingerprint=fingerprint_of(rows),
            languages=described,
            mixture={"kind": "weights", "temperature": 1.0},
            row_hashes=[hash_of(row) for row in rows],
            documents={tag: texts for each in manifests for tag, texts in each.documents.items()},
        )
        return CalibrationSet(rows, manifest)


def _as_many_as_there_are(
    config: MultilingualCalibrationConfig, least: int, most: int, tokenizer: Any, max_length: int | None
) -> CalibrationSet:
    """The largest set between two numbers of rows that the text is enough for, to the row."""
    try:
        return build_calibration_set(replace(config, num_rows=most), tokenizer, max_length)
    except CorpusExhaustedError:
        if most <= least:
            raise
    found = build_calibration_set(replace(config, num_rows=least), tokenizer, max_length)
    while most - least > 1:
        middle = (least + most) // 2
        try:
            found, least = build_calibration_set(replace(config, num_rows=middle), tokenizer, max_length), middle
        except CorpusExhaustedError:
            most = middle
    return found
