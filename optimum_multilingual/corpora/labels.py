"""What corpora call their languages: any name or code, and Chinese characters by a code that says no more than that."""

from __future__ import annotations

from functools import lru_cache

from ..errors import LanguageError
from ..language_codes import likely_script
from ..languages import Language, find_language


# None is kept too: a column may hold the same "unknown" a million times, and to find that no name is near takes long.
@lru_cache(maxsize=4096)
def language_called(label: str) -> Language | None:
    """The language that a code of a repository, the name of a file or the value of a column means; None where it means none.

    What people write may be a code or a name ("Ga" is refused); corpora use codes.

    >>> language_called("Swahili").tag, language_called("cmn_Hani").tag, language_called("unknown")
    ('swh_Latn', 'cmn_Hans', None)
    """
    language = _found(label) or _found(label.lower())
    if language is None:
        return None
    if language.script != "Hani":
        return language
    # A corpus that tells Chinese characters from other scripts only: the usual ones of the language are meant.
    usual = likely_script(language.code)
    return Language(language.code, usual) if usual in ("Hans", "Hant", "Jpan") else language


def _found(label: str) -> Language | None:
    try:
        return find_language(label)
    except LanguageError:
        return None
