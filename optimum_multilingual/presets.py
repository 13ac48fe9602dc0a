"""Lists of languages with a name, kept as data, and what a user's list becomes when they are written out."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from .errors import LanguageError
from .flores import flores_data, flores_tags
from .languages import Language, find_language, find_languages

# Stands for the languages on a model's card, which are known only with the model.
AUTO = "auto"


@dataclass(frozen=True)
class Preset:
    """A list of languages with a name.

        >>> find_preset("beyond-english-10").languages
        ('en', 'fr', 'sw', 'zh', 'xh', 'st', 'zu', 'yo', 'ig', 'ha')

    Args:
        name: what is written in place of the languages.
        title: what the list is, in a few words.
        languages: codes, as the source writes them.
        source: where the list was published.
    """

    name: str
    title: str
    languages: tuple[str, ...]
    source: str


@lru_cache(maxsize=1)
def presets() -> dict[str, Preset]:
    """Every preset by its name, in the order of the data file."""
    path = resources.files("optimum_multilingual").joinpath("data", "presets.json")
    return {entry["name"]: _preset(entry) for entry in json.loads(path.read_text(encoding="utf-8"))}


def _preset(entry: dict[str, Any]) -> Preset:
    if "flores_tier" not in entry:
        return Preset(entry["name"], entry["title"], tuple(entry["languages"]), entry["source"])
    return Preset(entry["name"], entry["title"], flores_tags(entry["flores_tier"]), flores_data()["sources"]["tiers"])


def preset_names() -> tuple[str, ...]:
    """The names of all presets but "auto", which is another list for every model."""
    return tuple(presets())


def find_preset(name: str) -> Preset:
    """Finds a preset by its name.

    Raises:
        LanguageError: there is none; the message suggests the nearest names and lists all.
    """
    if name not in presets():
        raise LanguageError(
            f"No preset is called {name!r}.{_did_you_mean(name)} There are {', '.join(preset_names())}."
        )
    return presets()[name]


def write_out(
    languages: str | Sequence[str | Language], setting: str = "languages", on_card: Sequence[str] = (AUTO,)
) -> tuple[str | Language, ...]:
    """Checks a user's languages and puts a list's languages in the place of its name.

        "beyond-english-10"               ->  ("en", "fr", "sw", "zh", ...)
        ["beyond-english-10", "code"]     ->  ("en", "fr", "sw", "zh", ..., "code")
        ["eu-24", "ca", "en"]             ->  the 24 and Catalan; English, which both name, is there once
        ["auto", "code"]                  ->  as it is, until the model is known

    Args:
        languages: a list of names, codes, tags, languages and presets; or the name of one preset.
        setting: what the user calls this list, for messages.
        on_card: the languages that "auto" stands for; without a model, it stands for itself.

    Raises:
        LanguageError: neither a list nor a preset; empty; an unknown language; or one language written twice.
    """
    if isinstance(languages, str):
        languages = [_named_list(languages, setting)]
    # A set has another order in every process, and a generator is used up by the first check.
    if not isinstance(languages, Sequence):
        raise LanguageError(
            f"{setting} must be a list such as ['en', 'sw'], got a {type(languages).__name__}; write [...] around the "
            "names, or give the name of a preset."
        )
    lists = {AUTO: tuple(on_card), **{name: preset.languages for name, preset in presets().items()}}
    written = [name for name in languages if not isinstance(name, str) or name not in lists]
    named: set[str | Language] = set(find_languages(written)) if written or not languages else set()
    result: list[str | Language] = []
    for name in languages:
        result.extend(_unnamed(lists[name], named) if isinstance(name, str) and name in lists else [name])
    return tuple(result)


def _unnamed(codes: Sequence[str], named: set[str | Language]) -> list[str]:
    """The codes of a list whose languages are not named yet; from now on they are."""
    meant = {code: AUTO if code == AUTO else find_language(code) for code in codes}
    new = [code for code, language in meant.items() if language not in named]
    named.update(meant.values())
    return new


def _named_list(name: str, setting: str) -> str:
    if name == AUTO or name in presets():
        return name
    raise LanguageError(
        f"{setting} must be a list such as ['en', 'sw'] or the name of a preset, got {name!r}.{_did_you_mean(name)} Write "
        f"[...] around names of languages. Presets are {', '.join(preset_names())} and {AUTO}."
    )


def _did_you_mean(name: str) -> str:
    nearest = difflib.get_close_matches(name.strip().casefold(), (*preset_names(), AUTO), n=2)
    return f" Did you mean {' or '.join(map(repr, nearest))}?" if nearest else ""
