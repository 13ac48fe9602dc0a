"""Names of languages, English and native: what a language is called, and what a name means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache

import langcodes
from language_data.names import TRIES, name_to_code, normalize_name

from .known_languages import common_tags, known_tags
from .language_codes import likely_script, read_tag, shortest

# Everyday English names that CLDR does not have, and that are codes of other languages: "yi" is Yiddish.
ALSO_CALLED = {"yi": "iii_Yiii"}

# Control characters and halves of surrogate pairs break the search for names in langcodes.
IN_NO_NAME = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def english_name(code: str, script: str) -> str:
    """What a written language is called in English; the script stands in brackets where it is not the likely one.

    >>> english_name("swh", "Latn"), english_name("srp", "Latn"), english_name("prs", "Arab")
    ('Swahili', 'Serbian (Latin)', 'Dari')
    """
    return _displayed(code, script).display_name()


def native_name(code: str, script: str) -> str:
    """What a written language is called in itself: `Kiswahili`."""
    return _displayed(code, script).autonym()


def _displayed(code: str, script: str) -> langcodes.Language:
    return langcodes.Language.make(shortest(code).language, script=None if script == likely_script(code) else script)


def read_name(name: str) -> langcodes.Language | None:
    """Reads an English or native name; None for one that names no language."""
    if name.casefold() in _tags_of_names():
        return read_tag(_tags_of_names()[name.casefold()])
    if _is_name(name):
        return read_tag(langcodes.find(name).to_tag())
    plain = re.fullmatch(r"(.+?)(?:\s*\((.+)\)|\s+language)", name, re.IGNORECASE)
    if plain is None or not _is_name(plain[1]):
        return None
    parsed = langcodes.find(plain[1])
    qualified = parsed if plain[2] is None else _qualified(parsed, plain[2])
    return None if qualified is None else read_tag(qualified.to_tag())


def named_otherwise(written: str, code: str) -> str | None:
    """The tag of another language whose English name a capitalised code is; None where it is no such name.

    >>> named_otherwise("Mon", "khk"), named_otherwise("mon", "khk"), named_otherwise("Fra", "fra")
    ('mnw_Mymr', None, None)
    """
    if not written.istitle():
        return None
    tag = _tags_of_names().get(written.casefold()) or ALSO_CALLED.get(written.casefold())
    return None if tag is None or tag.startswith(f"{code}_") else tag


def _qualified(parsed: langcodes.Language, by: str) -> langcodes.Language | None:
    """A language with the script or the country that stands behind its name, as in "Serbian (Latin)"."""
    kind = next((kind for kind in ("script", "territory") if _is_name(by, kind)), None)
    return None if kind is None else parsed.update(langcodes.Language.find_name(kind, by))


def _is_name(name: str, kind: str = "language") -> bool:
    """Whether anything is called exactly so: langcodes also finds Malay in "Malayam", by its first letters."""
    if IN_NO_NAME.search(name):
        return False
    name_to_code(kind, name)  # Reads the names, once.
    return normalize_name(name) in TRIES[f"und/name_to_{kind}"]


def nearest_names(name: str, others: Iterable[str] = ()) -> list[str]:
    """Up to three names of languages, and of `others`, that a misspelt name may stand for, the nearest first."""
    spelt = {each.casefold(): each for each in (*_common_names(), *others)}
    nearest = difflib.get_close_matches(name.strip().casefold(), spelt, n=3, cutoff=0.7)
    return list(dict.fromkeys(spelt[key] for key in nearest))


@lru_cache(maxsize=1)
def _common_names() -> tuple[str, ...]:
    pairs = [tag.split("_") for tag in common_tags()]
    return (*(native_name(*pair) for pair in pairs), *(english_name(*pair) for pair in pairs))


@lru_cache(maxsize=1)
def _tags_of_names() -> dict[str, str]:
    """The tag of each English name, case-folded. langcodes takes "Tamasheq" for all of Tuareg, "Ladino" for Ladin."""
    tags = (*known_tags(), *common_tags())  # Where two languages share a name, the common one has it.
    return {english_name(*tag.split("_")).casefold(): tag for tag in tags}
