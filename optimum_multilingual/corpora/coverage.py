"""Whether a corpus has the languages it is asked for, and whether its text may be used for what it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import langcodes

from ..errors import ConfigError, CorpusError
from ..languages import Language
from .catalog import CatalogEntry, load_catalog
from .document import Corpus, Part

# A corpus of more languages is not listed whole in a message.
LISTED_LANGUAGES = 40

# CLDR's distance of languages, from 0 for the same to 134. Up to this one the languages themselves are near; beyond it
# are those, often English, that readers have learnt besides.
NEAR_LANGUAGE = 20


def require_languages(corpus: Corpus, languages: Iterable[Language]) -> None:
    """Checks that a corpus has text of every language, before anything is read.

    Raises:
        CorpusError: names the languages that are missing and those there are.
    """
    languages = list(languages)
    # A stream can know that it has them before it has been read to its end.
    has_all = getattr(corpus, "has_all", None)
    if has_all is not None and has_all(languages):
        return
    held = corpus.languages()
    if wrong := [language for language in held if not isinstance(language, Language)]:
        raise CorpusError(
            f"languages() of the corpus ({_name(corpus)}) gave {wrong[0]!r}, a {type(wrong[0]).__name__}; it must give "
            "Language objects, which find_language('sw') makes."
        )
    missing = [language for language in languages if language not in held]
    if missing:
        names = ", ".join(f"{language.name} ({language.tag})" for language in missing)
        raise CorpusError(
            f"The corpus ({_name(corpus)}) has no {names}. {_held(held, missing)}{_passed_over(corpus)} Leave the language out, "
            "or give a corpus= that has it: a folder with one file for each language, a mapping, a datasets.Dataset, or a "
            f"corpus of the catalogue.{_others(corpus, missing)}"
        )


def _passed_over(corpus: Corpus) -> str:
    """The files of a folder whose names say no language, one of which may have been meant."""
    names = getattr(corpus, "passed_over", ())
    if not names:
        return ""
    shown = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
    return f" Files not named after a language, or of another ending, were passed over: {shown}."


def require_use(corpus: Corpus, use: Part) -> None:
    """Checks that the text of a corpus may be used so; a corpus that says nothing of it may be used for all.

    Args:
        corpus: with or without an attribute `uses`.
        use: "calibration" or "evaluation".

    Raises:
        ConfigError: it is kept for another use.
    """
    uses = getattr(corpus, "uses", None)
    if uses is not None and use not in uses:
        raise ConfigError(
            f"The corpus {_name(corpus)} is for {' and '.join(uses)} only, not for {use}: its authors keep its text for tests. "
            f"Give another corpus= for {use}, such as 'fineweb2', and this one as evaluation.corpus=."
        )


def part_for(corpus: Corpus, use: Part, shared: bool) -> Part | None:
    """The part of a corpus to read for a use; None for all of it, in a corpus that nothing else is drawn from.

    Args:
        corpus: where the text comes from.
        use: "calibration" or "evaluation".
        shared: whether the other use draws from the same corpus.

    Raises:
        ConfigError: the corpus is kept for another use.
    """
    require_use(corpus, use)
    # A dataset's own test files are not calibrated on even where evaluation has another corpus.
    return use if shared or getattr(corpus, "divided", False) else None


def _name(corpus: Corpus) -> str:
    return str(getattr(corpus, "name", None) or corpus.describe()["kind"])


def _held(held: Sequence[Language], missing: Sequence[Language]) -> str:
    if len(held) <= LISTED_LANGUAGES:
        return f"It has {', '.join(sorted(language.tag for language in held)) or 'no language at all'}."
    near = dict.fromkeys(tag for language in missing for tag in _nearest(language, held))
    return f"It has {len(held)} languages{', the nearest being ' if near else ''}{', '.join(near)}."


def _nearest(language: Language, held: Sequence[Language]) -> list[str]:
    """The same language in another script, then those that CLDR holds for near."""
    distances = {other: langcodes.tag_distance(language.short, other.short) for other in held}
    same = sorted(other for other in held if other.code == language.code)
    near = sorted((other for other in held if distances[other] <= NEAR_LANGUAGE), key=distances.__getitem__)
    return [other.tag for other in dict.fromkeys([*same, *near])][:3]


def _others(corpus: Corpus, missing: Sequence[Language]) -> str:
    """Open corpora of the catalogue that have the missing languages, and those so broad that they may have them."""
    usable = [entry for entry in load_catalog().values() if not entry.gated and "calibration" in entry.uses]
    others = [entry for entry in usable if entry.name != _name(corpus)]
    sure = [repr(entry.name) for entry in others if entry.languages and set(missing) <= set(_languages_of(entry))]
    broad = [repr(entry.name) for entry in others if entry.languages is None]
    listed = f" On the Hub {', '.join(sure)} has it." if sure else ""
    return f"{listed} Of many languages, and open: {', '.join(broad)}."


def _languages_of(entry: CatalogEntry) -> Iterator[Language | None]:
    return (entry.language_of(code) for code in entry.languages or ())
