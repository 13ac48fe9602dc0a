"""Languages as `code_Script` pairs, found from whatever people write."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import langcodes

from .errors import LanguageError

# A macrolanguage code stands for several languages; corpora and FLORES store the one named here.
INDIVIDUAL_OF_MACROLANGUAGE = {
    "ara": "arb", "aze": "azj", "est": "ekk", "fas": "pes", "grn": "gug", "kur": "kmr", "lav": "lvs", "mlg": "plt",
    "mon": "khk", "msa": "zsm", "nep": "npi", "nor": "nob", "ori": "ory", "orm": "gaz", "pus": "pbt", "que": "quy",
    "sqi": "als", "swa": "swh", "uzb": "uzn", "yid": "ydd", "zho": "cmn",
}  # fmt: skip
MACROLANGUAGE_OF = {individual: macro for macro, individual in INDIVIDUAL_OF_MACROLANGUAGE.items()}

# CLDR names the mixed Korean script; corpora and FLORES name the Hangul they are written in.
CORPUS_SCRIPT = {"Kore": "Hang"}

# ISO 639 sets these valid codes apart for "undetermined", "multiple", "no linguistic content" and private use.
NAMES_NO_LANGUAGE = re.compile("und|mul|zxx|mis|q[a-t][a-z]|x-.*")

# Control characters and halves of surrogate pairs break the search for names in langcodes.
IN_NO_NAME = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, order=True)
class Language:
    """A written language: an ISO 639-3 code and an ISO 15924 script.

        >>> find_language("sw")
        Language(code='swh', script='Latn')
        >>> find_language("sw").tag, find_language("sw").short, find_language("sw").name
        ('swh_Latn', 'sw', 'Swahili')

    Args:
        code: ISO 639-3 code of the individual language, three small letters.
        script: ISO 15924 code of the script, four letters, the first one capital.
    """

    code: str
    script: str

    @classmethod
    def from_tag(cls, tag: str) -> Language:
        """Reads back what `tag` wrote, without asking whether there is such a language.

        Raises:
            LanguageError: it is no such tag.
        """
        if not isinstance(tag, str) or not re.fullmatch("[a-z]{3,8}_[A-Z][a-z]{3}", tag):
            raise LanguageError(f"{tag!r} is no stored language; a tag such as 'swh_Latn' was expected.")
        return cls(*tag.split("_"))

    @property
    def tag(self) -> str:
        """The identifier used in files and manifests: `swh_Latn`."""
        return f"{self.code}_{self.script}"

    @property
    def short(self) -> str:
        """The shortest BCP-47 tag that still means this language: `sw`, `zh`, `sr-Latn`."""
        code = MACROLANGUAGE_OF.get(self.code, self.code)
        plain = langcodes.Language.get(code)
        return plain.to_tag() if _script_of(plain) == self.script else f"{plain.to_tag()}-{self.script}"

    @property
    def name(self) -> str:
        """The English name: `Swahili`."""
        return langcodes.Language.get(self.short).display_name()

    def __str__(self) -> str:
        return self.tag


def find_language(name: str) -> Language:
    """Resolves a code, tag or name of a language to one written language.

        >>> [find_language(n).tag for n in ("sw", "swh_Latn", "Kiswahili", "zh", "zh-Hant", "iw")]
        ['swh_Latn', 'swh_Latn', 'swh_Latn', 'cmn_Hans', 'cmn_Hant', 'heb_Hebr']

    Args:
        name: a BCP-47 tag, an ISO 639-1/2/3 code, a FLORES or NLLB code, or an English or native name.

    Raises:
        LanguageError: nothing is called so; the message suggests the nearest names.

    Source: BCP 47 through the langcodes package; likely scripts from CLDR.
    """
    if not isinstance(name, str) or not name.strip():
        raise LanguageError(f"A language must be a name or a code such as 'sw', 'swh_Latn' or 'Swahili', got {name!r}.")
    return _find(name)


def find_languages(names: Iterable[str | Language]) -> tuple[Language, ...]:
    """Resolves several languages, keeping their order.

        >>> [language.short for language in find_languages(["en", "Swahili"])]
        ['en', 'sw']

    Args:
        names: at least one name, code or tag (see `find_language`), or a `Language`.

    Raises:
        LanguageError: no language at all, an unknown one, or two names for the same one.
    """
    if isinstance(names, str):
        raise LanguageError(f"languages must be a list such as ['en', 'sw'], got the string {names!r}.")
    if not isinstance(names, Iterable):
        raise LanguageError(f"languages must be a list such as ['en', 'sw'], got {names!r}.")
    found: dict[Language, str] = {}
    for name in names:
        language = name if isinstance(name, Language) else find_language(name)
        if language in found:
            raise LanguageError(
                f"{found[language]!r} and {str(name)!r} are the same language, {language.name} ({language.tag}); "
                "name each language once."
            )
        found[language] = str(name)
    if not found:
        raise LanguageError("The list of languages is empty; name at least one, for example languages=['en', 'sw'].")
    return tuple(found)


@lru_cache(maxsize=4096)
def _find(name: str) -> Language:
    parsed = _parse_tag(name.strip()) or _parse_name(name.strip())
    if parsed is None:
        raise LanguageError(_unknown_language_message(name))
    return _written_language(parsed)


def _parse_tag(name: str) -> langcodes.Language | None:
    try:
        parsed = langcodes.Language.get(name.replace("_", "-"))
        if parsed.language is None or NAMES_NO_LANGUAGE.fullmatch(parsed.language) or not parsed.is_valid():
            return None
        parsed.to_alpha3()
    except (langcodes.LanguageTagError, LookupError):
        return None
    return parsed


def _parse_name(name: str) -> langcodes.Language | None:
    try:
        parsed = None if IN_NO_NAME.search(name) else langcodes.find(name)
    except LookupError:
        return None
    if parsed is None or NAMES_NO_LANGUAGE.fullmatch(str(parsed.language)):
        return None
    script = _script_in_brackets(name)
    return parsed if script is None else langcodes.Language.make(parsed.language, script=script)


def _script_in_brackets(name: str) -> str | None:
    """The script that langcodes overlooks in a name: "Serbian (Latin)" would be Serbian in Cyrillic script."""
    bracketed = re.search(r"\((.+)\)$", name)
    try:
        return langcodes.Language.find_name("script", bracketed[1], "en").script if bracketed else None
    except LookupError:
        return None


def _written_language(parsed: langcodes.Language) -> Language:
    code = parsed.to_alpha3()
    return Language(INDIVIDUAL_OF_MACROLANGUAGE.get(code, code), _script_of(parsed))


def _script_of(parsed: langcodes.Language) -> str:
    script = parsed.maximize().script
    assert script is not None, "CLDR gives every maximized tag a script"
    return CORPUS_SCRIPT.get(script, script)


def _unknown_language_message(name: str) -> str:
    nearest = difflib.get_close_matches(name.strip().casefold(), _known_names(), n=3, cutoff=0.7)
    suggestions = [f"{_known_names()[key]!r}" for key in nearest]
    hint = f" Did you mean {' or '.join(dict.fromkeys(suggestions))}?" if suggestions else ""
    return (
        f"No language is called {name!r}.{hint} Write a code ('sw', 'swh_Latn', 'zh-Hant') or an English or native "
        "name; `optimum-cli multilingual languages --search TEXT` searches."
    )


@lru_cache(maxsize=1)
def _known_names() -> dict[str, str]:
    """English and native names, case-folded, of the languages people are most likely to write."""
    names: dict[str, str] = {}
    for code in two_letter_codes():
        english = langcodes.Language.get(code).display_name()
        names[english.casefold()] = english
        native = langcodes.Language.get(code).autonym()
        names[native.casefold()] = native
    return names


@lru_cache(maxsize=1)
def two_letter_codes() -> tuple[str, ...]:
    """The ISO 639-1 codes that langcodes knows, sorted."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    codes = (first + second for first in letters for second in letters)
    return tuple(code for code in codes if _parse_tag(code) and langcodes.standardize_tag(code) == code)
