"""Languages as `code_Script` pairs, found from whatever people write, and the two domains that stand beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from .errors import LanguageError
from .language_codes import code_and_script, groups, likely_script, read_tag, shortest
from .language_names import english_name, named_otherwise, read_name
from .language_refusals import code_and_name, group_of_languages, script_unknown, unknown_language

# Text that is no language, but that mixtures hold beside languages: its code, which no language can have because it
# has four letters, the code ISO 15924 gives its signs (common to all scripts; mathematical), and its English name.
DOMAINS = {"code": ("Zyyy", "Source code"), "math": ("Zmth", "Mathematics")}


@dataclass(frozen=True, order=True)
class Language:
    """A written language: an ISO 639-3 code and an ISO 15924 script.

        >>> find_language("sw")
        Language(code='swh', script='Latn')
        >>> find_language("sw").tag, find_language("sw").short, find_language("sw").name
        ('swh_Latn', 'sw', 'Swahili')
        >>> find_language("code")                    # a domain, wherever a language can be
        Language(code='code', script='Zyyy')

    Args:
        code: ISO 639-3 code of the individual language, three small letters; or "code" or "math".
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
        if self.is_domain:
            return self.code
        plain = shortest(self.code).to_tag()
        return plain if likely_script(self.code) == self.script else f"{plain}-{self.script}"

    @property
    def name(self) -> str:
        """The English name: `Swahili`."""
        return DOMAINS[self.code][1] if self.is_domain else english_name(self.code, self.script)

    @property
    def is_domain(self) -> bool:
        """Whether this is source code or mathematics, and no language."""
        return self.code in DOMAINS

    def __str__(self) -> str:
        return self.tag


def find_language(name: str) -> Language:
    """Resolves a code, tag or name of a language to one written language.

        >>> [find_language(n).tag for n in ("sw", "swh_Latn", "Kiswahili", "zh", "zh-Hant", "iw", "fre")]
        ['swh_Latn', 'swh_Latn', 'swh_Latn', 'cmn_Hans', 'cmn_Hant', 'heb_Hebr', 'fra_Latn']

    Args:
        name: a BCP-47 tag, an ISO 639-1/2/3 code, a FLORES or NLLB code, an English or native name, "code" or "math".

    Raises:
        LanguageError: nothing is called so, and the message suggests the nearest names; or it is a group of languages;
            or nobody says in which script the language is written; or it is the code of one and the name of another,
            as "Ga" is of Irish and of Ga ("ga" is Irish).

    Source: BCP 47 through the langcodes package; likely scripts from CLDR, and from FLORES where CLDR has none.
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
    written = name.strip()
    if written.casefold() in _domains():
        return _domains()[written.casefold()]
    parsed = read_tag(written) or read_name(written)
    if parsed is None:
        raise unknown_language(name)
    code, script = code_and_script(parsed)
    if (other := named_otherwise(written, code)) is not None:
        raise code_and_name(name, code, other)
    if code in groups():
        raise group_of_languages(name, code)
    if script is None:
        raise script_unknown(name, code)
    return Language(code, script)


@lru_cache(maxsize=1)
def _domains() -> dict[str, Language]:
    domains = [Language(code, script) for code, (script, _) in DOMAINS.items()]
    return {way.casefold(): domain for domain in domains for way in (domain.code, domain.tag, domain.name)}
