"""How a checkpoint is made again: the settings behind it, read out of its manifest, report and provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..backends import find_capability
from ..calibration.calibration_set import Manifest
from ..calibration.nonsense import NONSENSE
from ..corpora.catalog import load_catalog
from ..evaluation_config import EvaluationConfig
from ..languages import Language
from ..report.multilingual_report import MultilingualReport

# The name of a folder of text that is not published, which whoever makes the checkpoint again has to bring.
OWN_TEXT = "my_texts/"

# Where calibration and evaluation each have such a folder, they are two folders in it.
OWN_TEXTS = (f"{OWN_TEXT}calibration/", f"{OWN_TEXT}evaluation/")


@dataclass(frozen=True)
class Recipe:
    """The settings of one checkpoint.

        settings = {"method": "gptq", "bits": 4, "languages": ["en", "sw"], "num_rows": 8, ...}
        Recipe("me/base", "1a2b...", settings, evaluation={}, repository={}, evaluation_repository={}, upstream=None)

    Args:
        base_model: name on the Hub, or of a folder.
        base_revision: the commit, on the Hub.
        settings: of `MultilingualCalibrationConfig`, by name; those at their default are left out.
        evaluation: of `EvaluationConfig`, likewise; None where nothing was measured.
        repository: a dataset of the Hub that the catalogue does not have, as the manifest describes it; else empty.
        evaluation_repository: the same of the text that is measured on, where that is of another corpus.
        upstream: class of the upstream config that was given in place of a method's name; None for a name.
    """

    base_model: str
    base_revision: str | None
    settings: dict[str, Any]
    evaluation: dict[str, Any] | None
    repository: dict[str, Any]
    evaluation_repository: dict[str, Any]
    upstream: str | None

    @property
    def own_text(self) -> bool:
        """Whether text is needed that nobody else has."""
        named = (self.settings.get("corpus"), (self.evaluation or {}).get("corpus"))
        return any(str(corpus).startswith(OWN_TEXT) for corpus in named)

    @property
    def in_a_shell(self) -> bool:
        """Whether the command line can say all of it."""
        return not (self.upstream or self.repository or self.evaluation_repository)


def recipe_of(
    base_model: str,
    base_revision: str | None,
    provenance: Mapping[str, Any],
    manifest: Manifest | None,
    report: MultilingualReport | None,
) -> Recipe | None:
    """The recipe of a checkpoint; None where it was not made by this package.

    Shares are given as rows, which every way to say them comes down to: the same rows are drawn again.
    """
    if "method" not in provenance:
        return None
    settings = _method(provenance)
    calibrated: dict[str, Any] = {} if manifest is None else _calibration(manifest)
    evaluation = None if report is None else _evaluation(report, manifest)
    if evaluation is not None and manifest is None:
        calibrated = {"languages": evaluation.pop("languages"), "corpus": evaluation.pop("corpus")}
    if report is not None and report.draws:
        calibrated["seeds"] = len(report.draws)
    measured_on = report.evaluation["corpus"] if report else {}
    repository = _repository(manifest.corpus if manifest else measured_on)
    other = _repository(measured_on) if evaluation and "corpus" in evaluation else {}
    if evaluation and calibrated.get("corpus") == evaluation.get("corpus") == OWN_TEXT:
        calibrated["corpus"], evaluation["corpus"] = OWN_TEXTS
    upstream = provenance.get("upstream_config")
    return Recipe(base_model, base_revision, {**settings, **calibrated}, evaluation, repository, other, upstream)


def _method(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What was said of the method; an upstream config says the rest itself."""
    upstream = provenance.get("upstream_config")
    kept = ("method", "engine") if upstream else ("method", "engine", "bits", "group_size", "method_options")
    settings = {key: provenance[key] for key in kept if provenance.get(key)}
    capability = find_capability(settings.get("method"), settings.get("engine"))
    if capability is not None and not capability.group_sizes:
        # Some engines choose groups themselves, and take no size.
        settings.pop("group_size", None)
    return settings


def _repository(described: Mapping[str, Any]) -> dict[str, Any]:
    """A dataset of the Hub as it was described, if it has no name that everybody knows it by."""
    return dict(described) if described.get("kind") == "hub" and described["name"] not in load_catalog() else {}


def corpus_name(described: Mapping[str, Any]) -> str:
    """What is given as `corpus=`: a name that everybody has, or a folder that stands for text of one's own."""
    if described.get("kind") in ("embedded", NONSENSE):
        return str(described["kind"])
    return str(described["name"]) if described.get("kind") == "hub" else OWN_TEXT


def _calibration(manifest: Manifest) -> dict[str, Any]:
    rows = {Language.from_tag(tag).short: entry["rows"] for tag, entry in manifest.languages.items()}
    settings: dict[str, Any] = {"corpus": corpus_name(manifest.corpus), "num_rows": sum(rows.values())}
    if manifest.corpus.get("kind") == NONSENSE:
        settings["nonsense"] = manifest.mixture["kind"]
    elif len(set(rows.values())) == 1:
        settings["languages"] = list(rows)
    else:
        settings["mixture"] = rows
    if "nonsense" in settings:
        return {
            **settings,
            "sequence_length": manifest.sequence_length,
            **({"seed": manifest.seed} if manifest.seed else {}),
        }
    changed = {
        "seed": manifest.seed or None,
        "document_separator": None if manifest.document_separator == "newline" else manifest.document_separator,
        "messages": manifest.messages or None,
        "deduplicate": None if manifest.deduplicated else False,
    }
    given = {key: value for key, value in changed.items() if value is not None}
    return {**settings, "sequence_length": manifest.sequence_length, **given}


def _evaluation(report: MultilingualReport, manifest: Manifest | None) -> dict[str, Any]:
    from ..evaluation.evaluator import DEFAULT_WINDOW

    defaults = {item.name: item.default for item in fields(EvaluationConfig)}
    recorded = ("tokens_per_language", "stride", "bootstrap_draws", "confidence", "seed")
    known = {key: report.evaluation.get(key) for key in recorded}
    settings = {key: value for key, value in known.items() if value is not None and value != defaults[key]}
    length = report.evaluation.get("sequence_length")
    if length not in (None, DEFAULT_WINDOW if manifest is None else manifest.sequence_length):
        settings["sequence_length"] = length
    if report.tasks:
        settings["tasks"] = [f"{task.task}={Language.from_tag(task.language).short}" for task in report.tasks]
        # The first items as many as there were, limited or not, are the same ones again.
        settings["task_limit"] = max(task.items for task in report.tasks)
    measured = [score.language for score in report.scores]
    if manifest is None or sorted(measured) != sorted(manifest.languages):
        settings["languages"] = [Language.from_tag(tag).short for tag in measured]
    corpus = report.evaluation["corpus"]
    # A set that is not of a part of its corpus was made beside text of another corpus, even if both are described alike.
    if manifest is None or manifest.part is None or corpus != manifest.corpus:
        settings["corpus"] = corpus_name(corpus)
    return settings
