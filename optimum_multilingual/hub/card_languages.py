"""`languages="auto"`: the languages that a model's card lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config import MultilingualCalibrationConfig
from ..errors import LanguageError
from ..languages import DOMAINS, Language, find_language
from ..presets import AUTO, write_out
from .front_matter import NoCardError, front_matter_of

# What cards write among their languages that is none: models of code say "code", and many only "multilingual".
NO_LANGUAGES = {*DOMAINS, "multilingual", "mul"}


def with_card_languages(
    config: MultilingualCalibrationConfig, model: str | Path, revision: str | None = None
) -> MultilingualCalibrationConfig:
    """The same configuration with the languages of the model's card in the place of "auto", or as it is without one.

        languages=["auto", "code"], card of BSC-LT/salamandra-2b   ->   languages=["bg", "ca", ..., "uk", "code"]

    Args:
        config: its languages, those of its evaluation, or neither may hold "auto".
        model: name or folder of the model.
        revision: the commit the model was loaded from, for models on the Hub.

    Raises:
        LanguageError: there is no card, it lists no languages, or one that nobody knows.
        ConfigError: the other settings do not fit these languages.
    """
    evaluation = config.evaluation
    of_evaluation: Sequence[str | Language] = () if evaluation is None else evaluation.languages
    if AUTO not in (*config.languages, *of_evaluation):
        return config
    listed = card_languages(model, revision)
    if evaluation is not None and of_evaluation:
        evaluation = replace(evaluation, languages=write_out(of_evaluation, "evaluation.languages", listed))
    languages = write_out(config.languages, "languages", listed) if config.languages else ()
    return replace(config, languages=languages, evaluation=evaluation)


def card_languages(model: str | Path, revision: str | None = None) -> tuple[str, ...]:
    """The languages a model's card lists, as the card writes them, each once; code and mathematics are left out.

        >>> card_languages("BSC-LT/salamandra-2b")
        ('bg', 'ca', 'cs', ..., 'uk')

    Args:
        model: name of the model on the Hub, or a folder with a README.md.
        revision: the commit, for models on the Hub.

    Raises:
        LanguageError: there is no card, it lists no languages, or one that nobody knows.
    """
    found: dict[Language, str] = {}
    for entry in _entries(_front_matter(model, revision), model):
        name = _as_meant(entry)
        if name.casefold() in NO_LANGUAGES:
            continue
        try:
            found.setdefault(find_language(name), name)
        except LanguageError as error:
            raise _no_auto(model, f"lists {name!r} as a language: {error}") from error
    if not found:
        raise _no_auto(model, "lists no single language under `language:`")
    return tuple(found.values())


def _front_matter(model: str | Path, revision: str | None) -> dict[str, Any]:
    try:
        return front_matter_of(model, revision)
    except NoCardError as error:
        raise _no_auto(model, str(error)) from error


def _entries(front_matter: dict[str, Any], model: str | Path) -> Iterable[Any]:
    listed = front_matter.get("language")
    if listed is None:
        raise _no_auto(model, "has no `language:` list in its front matter")
    return listed if isinstance(listed, list) else [listed]


def _as_meant(entry: Any) -> str:
    # YAML reads the code of Norwegian as "false"; cards that know it write \no.
    return "no" if entry is False else str(entry).removeprefix("\\")


def _no_auto(model: str | Path, what: str) -> LanguageError:
    return LanguageError(
        f"languages={AUTO!r} takes the languages from the model's card, and the card of {model} {what}. Name the "
        "languages, for example languages=['en', 'sw'], or a preset; `optimum-cli multilingual languages --presets` "
        "shows them."
    )
