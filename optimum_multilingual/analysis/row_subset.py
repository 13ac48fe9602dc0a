"""Some rows of a calibration set as a set of its own: nothing is drawn, packed or tokenized again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from ..calibration.calibration_set import CalibrationSet, fingerprint_of, hash_of
from ..languages import Language


def places_of_languages(calibration_set: CalibrationSet) -> dict[Language, list[int]]:
    """Where the rows of every language stand, in order."""
    places: dict[Language, list[int]] = {}
    for place, row in enumerate(calibration_set):
        places.setdefault(row.language, []).append(place)
    return places


def first_rows(calibration_set: CalibrationSet, count: int) -> CalibrationSet:
    """The first rows of every language: of a uniform set its beginning, since every prefix is balanced.

        set     e1 s1 z1 e2 s2 z2 e3 s3 z3
        2 each  e1 s1 z1 e2 s2 z2

    Args:
        calibration_set: has at least that many rows of every language.
        count: rows of each language.
    """
    places = places_of_languages(calibration_set)
    return subset(calibration_set, {language: of_it[:count] for language, of_it in places.items()})


def subset(calibration_set: CalibrationSet, places: Mapping[Language, Sequence[int]]) -> CalibrationSet:
    """The rows at some places, as many of each language, in turns so that every prefix is balanced.

    The manifest lists the documents of the whole set, so that text of rows left out is not measured on either.
    """
    counts = {len(of_it) for of_it in places.values()}
    assert len(counts) == 1, "a language has fewer rows than another"
    (count,) = counts
    rows = tuple(calibration_set.rows[place] for place in chain.from_iterable(zip(*places.values(), strict=True)))
    whole = calibration_set.manifest
    size = {"rows": count, "tokens": count * whole.sequence_length}
    manifest = replace(
        whole,
        fingerprint=fingerprint_of(rows),
        languages={tag: {**entry, **size} for tag, entry in whole.languages.items()},
        row_hashes=[hash_of(row) for row in rows],
    )
    return CalibrationSet(rows, manifest)
