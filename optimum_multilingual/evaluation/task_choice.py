"""Which downstream tasks of lm-evaluation-harness are run, and the language of each, told from its name."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ..errors import ConfigError, LanguageError
from ..flores import flores_tiers
from ..language_codes import INDIVIDUAL_OF_MACROLANGUAGE
from ..languages import Language, find_language

logger = logging.getLogger(__name__)

# Names of groups and tags bring the tasks of measured languages; a task named itself is always run.
LEAF_KINDS = ("TASK", "PY_TASK")

# What a group may say of one of its tasks without changing what is measured.
HARMLESS_KEYS = {"task", "task_alias"}

TAG = re.compile(r"(?<![A-Za-z])([a-z]{2,3})[_-]([A-Za-z]{4})(?![A-Za-z])")
PARTS = re.compile(r"[^A-Za-z]+")


def choose_tasks(
    names: Sequence[str], languages: Collection[Language], index: Mapping[str, Any]
) -> dict[str, Language]:
    """The tasks to run, each with its language.

        >>> choose_tasks(["belebele", "my_quiz=sw"], languages, TaskManager().task_index)
        {'belebele_eng_Latn': Language(...), 'belebele_swh_Latn': Language(...), 'my_quiz': Language(...)}

    Args:
        names: of tasks, groups and tags, each with "=LANGUAGE" behind it where the name does not tell.
        languages: those that are measured; of a group or tag, the tasks in these are chosen.
        index: `TaskManager.task_index` of lm-evaluation-harness.

    Raises:
        ConfigError: no such task; none of a group is in a measured language; a group changes what its tasks measure.
        LanguageError: the language of a task that was named itself cannot be told.
    """
    chosen: dict[str, Language] = {}
    for given in names:
        name, _, said = given.partition("=")
        _require_known(name, index)
        language = find_language(said) if said else None
        if index[name].kind.name in LEAF_KINDS:
            chosen[name] = language or _language_of_leaf(name, index)
        else:
            chosen |= _of_group(name, language, languages, index)
    return chosen


def task_language(name: str, dataset_name: str | None) -> Language | None:
    """The language of a task, from the name of its data's configuration or its own name; None where they do not tell.

    >>> task_language("belebele_swh_Latn", "swh_Latn").tag, task_language("afrixnli_amh_prompt_1", "amh").tag
    ('swh_Latn', 'amh_Ethi')
    """
    for text in (dataset_name or "", name):
        found = {language.tag: language for language in _languages_in(text)}
        if len(found) == 1:
            return next(iter(found.values()))
    return None


def _languages_in(text: str) -> Iterator[Language]:
    tags = [f"{code}_{script.title()}" for code, script in TAG.findall(text)]
    tagged = list(filter(None, map(_known, tags)))
    if tagged:
        yield from tagged
        return
    # Any three letters may be the code of some language; those of FLORES are few enough not to be words.
    three_letters = {tag.split("_")[0] for tag in flores_tiers()} | INDIVIDUAL_OF_MACROLANGUAGE.keys()
    for part in PARTS.split(text):
        if (len(part) == 2 and part.islower()) or part in three_letters:
            yield from filter(None, [_known(part)])


def _known(code: str) -> Language | None:
    try:
        return find_language(code)
    except LanguageError:
        return None


def _require_known(name: str, index: Mapping[str, Any]) -> None:
    if name not in index:
        nearest = difflib.get_close_matches(name, list(index), n=3)
        hint = f" Did you mean {' or '.join(map(repr, nearest))}?" if nearest else ""
        raise ConfigError(
            f"lm-evaluation-harness has no task {name!r}.{hint} It has {len(index):,}, which `lm-eval ls tasks` lists; "
            "tasks of your own are found in evaluation.task_folder (--task-folder)."
        )


def _language_of_leaf(name: str, index: Mapping[str, Any]) -> Language:
    language = task_language(name, _dataset_name(index[name]))
    if language is None:
        raise LanguageError(f"The name of task {name!r} does not tell one language; say it: {name}=sw.")
    return language


def _of_group(
    name: str, said: Language | None, languages: Collection[Language], index: Mapping[str, Any]
) -> dict[str, Language]:
    leaves = list(dict.fromkeys(_leaves(name, index)))
    told = {leaf: said or task_language(leaf, _dataset_name(index[leaf])) for leaf in leaves}
    untold = [leaf for leaf, language in told.items() if language is None]
    if untold:
        logger.warning(
            "Of the tasks %s, %d are left out because their names do not tell one language (%s). To run one, name it with its "
            "language: %s=sw.",
            name, len(untold), ", ".join(untold[:5]), untold[0],
        )  # fmt: skip
    chosen = {leaf: language for leaf, language in told.items() if language is not None and language in languages}
    if not chosen:
        measured = ", ".join(language.tag for language in languages)
        raise ConfigError(
            f"None of the {len(leaves)} tasks of {name!r} is in a language that is measured ({measured}); choose other "
            f"tasks, or say the language of all of them: {name}=sw."
        )
    return chosen


def _leaves(name: str, index: Mapping[str, Any]) -> Iterator[str]:
    entry = index[name]
    if entry.kind.name in LEAF_KINDS:
        yield name
    elif entry.kind.name == "TAG":
        yield from sorted(entry.tags)
    else:
        yield from _members(name, entry.cfg, index)


def _members(name: str, group: Mapping[str, Any], index: Mapping[str, Any]) -> Iterator[str]:
    for item in group["task"]:
        if isinstance(item, str):
            yield from _leaves(item, index)
        elif "group" in item:
            yield from _members(name, item if "task" in item else index[item["group"]].cfg, index)
        elif item.keys() <= HARMLESS_KEYS:
            yield from _leaves(item["task"], index)
        else:
            raise ConfigError(
                f"The group {name!r} changes {', '.join(sorted(item.keys() - HARMLESS_KEYS))} of its tasks, which is not "
                "supported here; name the tasks themselves."
            )


def _dataset_name(entry: Any) -> str | None:
    name = (entry.cfg or {}).get("dataset_name")
    return name if isinstance(name, str) else None
