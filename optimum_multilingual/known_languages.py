"""Lists of the languages there are, for searching and for suggestions; any other is found by its code all the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from langcodes.data_dicts import LIKELY_SUBTAGS

from .flores import flores_tiers
from .language_codes import APART_FROM_CLDR, code_and_script, groups, read_tag


@lru_cache(maxsize=1)
def two_letter_codes() -> tuple[str, ...]:
    """The ISO 639-1 codes that langcodes knows, of single languages whose script is known, sorted."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    codes = (first + second for first in letters for second in letters)
    return tuple(code for code in codes if _is_current(code))


def _is_current(code: str) -> bool:
    parsed = read_tag(code)
    if parsed is None or parsed.to_tag() != code:
        return False
    individual, script = code_and_script(parsed)
    return script is not None and individual not in groups()


@lru_cache(maxsize=1)
def common_tags() -> tuple[str, ...]:
    """The languages people are most likely to name: those of FLORES and those with a two-letter code, sorted."""
    return tuple(sorted({*flores_tiers(), *_tags_of([*two_letter_codes(), *APART_FROM_CLDR])}))


@lru_cache(maxsize=1)
def known_tags() -> tuple[str, ...]:
    """Every language whose script is known, sorted; over a thousand."""
    in_cldr = (tag for tag in LIKELY_SUBTAGS if "-" not in tag)
    return tuple(sorted({*common_tags(), *_tags_of(in_cldr)}))


def _tags_of(codes: Iterable[str]) -> Iterator[str]:
    for code in codes:
        parsed = read_tag(code)
        individual, script = (code, None) if parsed is None else code_and_script(parsed)
        if script is not None and individual not in groups():
            yield f"{individual}_{script}"
