"""Rows of every language built once, and calibration sets that take as many of each as their shares say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..calibration.build import draw_rows, open_source, put_together, row_prefix
from ..calibration.calibration_set import CalibrationSet, Manifest
from ..calibration.mixture import allocate
from ..calibration.packing import PackedRow
from ..calibration.plan import Plan, plan_sizes
from ..calibration.source import TextSource
from ..config import DEFAULT_SEARCH_STEPS, MultilingualCalibrationConfig
from ..corpora import require_languages
from ..languages import Language

WEIGHTS = {"kind": "weights", "temperature": 1.0}


@dataclass(frozen=True)
class RowPool:
    """Rows of every language, from which a mixture takes the first ones.

        pool    en  e1 e2 e3 e4 e5          mixture 2:1:1 of 4 rows   e1 s1 e2 z1
                sw  s1 s2 s3                mixture 1:2:1 of 4 rows   s1 e1 s2 z1
                zh  z1 z2 z3 z4

    Sets of two mixtures share the rows that both have, so that what differs between them is the shares. Each is the set that
    `build_calibration_set` makes with its shares as weights.

    Args:
        packed: rows of each language.
        num_rows: of every mixture.
        sequence_length: tokens of every row.
        source: the text they were drawn from.
        tokenizer: that made them.
    """

    packed: Mapping[Language, Sequence[PackedRow]]
    num_rows: int
    sequence_length: int
    source: TextSource
    tokenizer: Any

    @classmethod
    def build(cls, config: MultilingualCalibrationConfig, most: int, tokenizer: Any, max_length: int | None) -> RowPool:
        """Draws the rows of every language.

        Args:
            config: languages, corpus, seed, and the size of every mixture as num_rows.
            most: rows of one language; one with less text gives all that it has, down to its uniform share.
            tokenizer: the model's.
            max_length: of the model, in tokens.

        Raises:
            CorpusExhaustedError: a language has less text than its uniform share needs.
        """
        assert config.num_rows is not None
        languages, source = config.resolved_languages, open_source(config, tokenizer)
        require_languages(source.corpus, languages)
        uniform = replace(config, mixture="uniform", search_steps=DEFAULT_SEARCH_STEPS)
        length = plan_sizes(uniform, source, max_length, len(row_prefix(tokenizer))).sequence_length
        least = -(-config.num_rows // len(languages))
        wanted = Plan(dict.fromkeys(languages, max(least, most)), dict.fromkeys(languages, 1.0), length)
        packed = draw_rows(wanted, source, tokenizer, dict.fromkeys(languages, least))
        return cls(packed, config.num_rows, length, source, tokenizer)

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages, in the order of shares."""
        return tuple(self.packed)

    @cached_property
    def manifest(self) -> Manifest:
        """Of a set that holds every row there is, so that no mixture has text that is not in it."""
        return self._set_of([len(rows) for rows in self.packed.values()], WEIGHTS).manifest

    def counts(self, shares: Sequence[float]) -> list[int]:
        """Whole rows of each language; what a language has too little text for goes to the others."""
        limits = [len(rows) for rows in self.packed.values()]
        counts = allocate(self.num_rows, list(shares))
        while any(count > limit for count, limit in zip(counts, limits, strict=True)):
            full = [count >= limit for count, limit in zip(counts, limits, strict=True)]
            taken = sum(limit for limit, is_full in zip(limits, full) if is_full)
            open_shares = [share for share, is_full in zip(shares, full) if not is_full]
            rest = iter(allocate(self.num_rows - taken, open_shares))
            counts = [limit if is_full else next(rest) for limit, is_full in zip(limits, full)]
        return counts

    def mixture(self, shares: Sequence[float], described: Mapping[str, Any] = WEIGHTS) -> CalibrationSet:
        """The set of a mixture, interleaved so that every prefix is balanced by its shares.

        Args:
            shares: of each language, of any sum.
            described: what the manifest says of the mixture.
        """
        return self._set_of(self.counts(shares), described)

    def _set_of(self, counts: Sequence[int], described: Mapping[str, Any]) -> CalibrationSet:
        rows = dict(zip(self.languages, counts, strict=True))
        weights = {language: count / sum(counts) for language, count in rows.items()}
        plan = Plan(rows, weights, self.sequence_length)
        return put_together(plan, self.packed, self.source, self.tokenizer, dict(described))
