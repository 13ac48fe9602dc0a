"""The front matter of the card: what the Hub sorts and finds models by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..corpora.catalog import load_catalog
from ..languages import Language
from .eval_results import SOURCE, model_index
from .model_card import CardFacts

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

# Lists that the user's and ours are put together in; of all other keys the user's value stays.
UNITED = ("language", "tags", "datasets")

# What only a measurement, or the checkpoint itself, can say.
OURS = ("base_model", "base_model_relation", "model_name", "library_name")


def card_data(facts: CardFacts, existing: ModelCardData | None = None) -> ModelCardData:
    """The metadata of a card, put together with what a card that is there says.

    Args:
        facts: of the checkpoint.
        existing: metadata that users wrote, or an earlier push; results of other sources in it are kept.
    """
    from huggingface_hub import ModelCardData

    values = _values(facts)
    theirs: dict[str, Any] = (
        {} if existing is None else {key: value for key, value in vars(existing).items() if value is not None}
    )
    others = [result for result in theirs.pop("eval_results", None) or [] if result.source_name != SOURCE]
    if "tags" in theirs:  # of an earlier push with other bits
        theirs["tags"] = [tag for tag in theirs["tags"] if not re.fullmatch(r"\d+-bit", tag)]
    for key in UNITED:
        values[key] = _union(theirs.pop(key, None), values.get(key)) or None
    kept = {key: value for key, value in theirs.items() if key not in OURS or values.get(key) is None}
    if "license" in kept:  # a name and a link belong to their licence
        values.update(license_name=None, license_link=None)
    results = [*_results(facts), *others]
    if not results:  # it names the results, and nothing else
        values["model_name"] = kept.pop("model_name", None)
    return ModelCardData(**{**values, **kept}, eval_results=results or None)


def hub_code(language: Language) -> str | None:
    """What the Hub calls a language: ISO 639-1 where there is one, else ISO 639-3, without a script; None where it has no name.

    >>> hub_code(find_language("zh-Hant")), hub_code(find_language("arz")), hub_code(find_language("math"))
    ('zh', 'arz', None)
    """
    if language.is_domain:
        return "code" if language.code == "code" else None
    return language.short.partition("-")[0]


def _values(facts: CardFacts) -> dict[str, Any]:
    given, environment = facts.given, facts.environment
    licence, bits = given.licence, environment.bits
    codes = [code for language in facts.measured.languages if (code := hub_code(language)) is not None]
    return {
        "language": _union(codes, None),
        "license": licence.id if licence else None,
        "license_name": licence.name if licence else None,
        "license_link": licence.link if licence else None,
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "base_model": given.base_model if given.base_is_public else None,
        "base_model_relation": "quantized" if given.base_is_public else None,
        # Bits come last, where they are put again: the same push makes the same card.
        "tags": [
            tag for tag in ("multilingual", "quantized", environment.method, SOURCE, bits and f"{bits}-bit") if tag
        ],
        "datasets": _datasets(facts),
        "model_name": given.repo_id.rpartition("/")[2],
    }


def _datasets(facts: CardFacts) -> list[str]:
    """Datasets of the catalogue that were calibrated on; others may not be for all to see."""
    if facts.measured.manifest is None:
        return []
    corpus = facts.measured.manifest.corpus
    named = [corpus, *corpus.get("elsewhere", {}).values()]
    known = {entry.repository for entry in load_catalog().values()}
    return [each["repository"] for each in named if each.get("repository") in known]


def _results(facts: CardFacts) -> list[EvalResult]:
    given, report = facts.given, facts.measured.report
    return [] if report is None else model_index(report, given.repo_id, given.revision)


def _union(theirs: Any, ours: list[str] | None) -> list[str]:
    listed = theirs if isinstance(theirs, list) else [] if theirs is None else [theirs]
    return list(dict.fromkeys((*listed, *(ours or []))))
