"""Why a name is not taken for a language, and what to write instead."""

from __future__ import annotations

from .errors import LanguageError
from .language_codes import shortest
from .language_names import english_name, nearest_names


def unknown_language(name: str) -> LanguageError:
    """Nothing is called so, or it is a list of languages and not one."""
    from .presets import AUTO, preset_names

    if name == AUTO:
        return LanguageError(
            f"No language is called {name!r}; it is the name of a list of languages, those on a model's card. Given as "
            f"languages={name!r}, from_pretrained, evaluate_checkpoints and the commands fill it in; elsewhere name the "
            "languages, such as ['en', 'sw']."
        )
    if name in preset_names():
        return LanguageError(
            f"No language is called {name!r}; it is the name of a list of languages. Give it as languages={name!r} or "
            "inside the list of languages; a single language is written 'sw', 'swh_Latn' or 'Swahili'."
        )
    nearest = [repr(near) for near in nearest_names(name, preset_names())]
    hint = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
    return LanguageError(
        f"No language is called {name!r}.{hint} Write a code ('sw', 'swh_Latn', 'zh-Hant') or an English or native "
        "name; `optimum-cli multilingual languages --search TEXT` searches."
    )


def group_of_languages(name: str, code: str) -> LanguageError:
    """It is a family or another group, of which no corpus has text as such."""
    return LanguageError(
        f"{name!r} is a group of languages ({shortest(code).display_name()}), not one language; name those of it that you "
        "mean. `optimum-cli multilingual languages --search TEXT` searches."
    )


def script_unknown(name: str, code: str) -> LanguageError:
    """It is a language, but in which script it is written would be a guess."""
    language = shortest(code).display_name()
    return LanguageError(
        f"{name!r} is {language} ({code}), and neither CLDR nor FLORES says in which script it is written; write the "
        f"script after the code as {code}_Xxxx, for example {code}_Latn or {code}_Arab."
    )


def code_and_name(name: str, code: str, other: str) -> LanguageError:
    """It is a code of one language, and written like the English name of another."""
    language, named, written = shortest(code).display_name(), english_name(*other.split("_")), name.strip().lower()
    return LanguageError(
        f"{name!r} may be {language}, whose code is {written!r}, or {named}, which English calls so; write {written!r} for "
        f"{language} and {other!r} for {named}."
    )
