"""What the template of the card is filled with: sentences, tables and snippets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..calibration.calibration_set import MANIFEST_FILE, Manifest
from ..calibration.nonsense import NONSENSE
from ..languages import Language
from ..report.aligned import aligned
from ..report.multilingual_report import REPORT_FILE
from ..report.scores import BROKEN, DAMAGED
from ..report.searched_shares import describe_search
from ..report.table import language_table, report_summary
from ..report.task_table import task_notes, task_table
from .card_limits import limits_of
from .loading import loader_of, packages_to_load, read_by_vllm
from .model_card import CardFacts
from .recipe import OWN_TEXT
from .recipe_text import command_of, python_of

PLOTS = {
    "damage": "Change of bits per byte of each language with its interval, worst first",
    "divergence": "Quantiles of the divergence of each language, on a logarithmic axis",
}


def sentences_of(facts: CardFacts) -> dict[str, Any]:
    """Everything the template names."""
    given, measured, environment = facts.given, facts.measured, facts.environment
    return {
        "repo_id": given.repo_id,
        "base_sentence": _base_sentence(facts),
        "calibration_sentence": _calibration_sentence(measured.manifest, environment.method),
        "headline": _headline(facts),
        "report": measured.report,
        "report_file": REPORT_FILE,
        **_measures(facts),
        "method": _method(facts),
        "manifest": measured.manifest,
        "manifest_file": MANIFEST_FILE,
        **({} if measured.manifest is None else _calibration(measured.manifest)),
        "packages": packages_to_load(environment.method, environment.engine, environment.quantization),
        "transformers": _transformers(facts),
        "vllm": read_by_vllm(environment.quantization),
        "recipe": facts.recipe,
        "own_text": OWN_TEXT if facts.recipe is not None and facts.recipe.own_text else "",
        "command": None if facts.recipe is None else command_of(facts.recipe),
        "python": None if facts.recipe is None else python_of(facts.recipe, given.repo_id),
        "versions": ", ".join(f"{name} {version}" for name, version in environment.versions.items()),
        "limits": limits_of(facts),
    }


def _base_sentence(facts: CardFacts) -> str:
    given, bits = facts.given, facts.environment.bits
    base = "A model" if given.base_model is None else f"`{given.base_model}`"
    if given.base_is_public:
        base = f"[{given.base_model}](https://huggingface.co/{given.base_model})"
    size = "" if bits is None else f" to {bits} bits"
    return f"{base}, quantized{size} with `{facts.environment.method or 'an unknown method'}`."


def _calibration_sentence(manifest: Manifest | None, method: str | None) -> str:
    if manifest is None:
        return ""
    if (nonsense := _nonsense(manifest)) is not None:
        return f"It was calibrated on {nonsense}, as a baseline."
    tokens = sum(entry["tokens"] for entry in manifest.languages.values())
    return f"It was calibrated on {tokens:,} tokens of text in {_count(len(manifest.languages), 'language')}."


def _nonsense(manifest: Manifest) -> str | None:
    """What a set without meaning consists of, in words; None for text of languages."""
    return str(manifest.mixture["kind"]).replace("-", " ") if manifest.corpus.get("kind") == NONSENSE else None


def _headline(facts: CardFacts) -> str:
    report = facts.measured.report
    if report is None:
        return "What it lost was not measured."
    broken = [score.name for score in report.worst_first if score.verdict == BROKEN]
    if broken:
        return f"**It is broken in {', '.join(broken)}.**"
    damaged = [score for score in report.worst_first if score.verdict == DAMAGED]
    worst = report.worst_first[0]
    return (
        f"Of {_count(len(report.scores), 'measured language')}, {len(damaged)} lost more than chance explains; the worst is "
        f"**{worst.name}**, whose bits per byte changed by **{worst.relative_change.value:+.2%}**."
    )


def _measures(facts: CardFacts) -> dict[str, Any]:
    report = facts.measured.report
    if report is None:
        return {}
    evaluation = report.evaluation
    windows = f"in windows of up to {evaluation['sequence_length']} tokens"
    return {
        "table": "\n".join(language_table(report)),
        "summary": report_summary(report),
        "plots": [(path, PLOTS[path.rpartition("/")[2].partition(".")[0]]) for path in facts.measured.plots],
        "text_sentence": f"{_corpus(evaluation['corpus'])}, {windows}",
        "confidence": f"{100 * evaluation['confidence']:g}%",
        "draws": evaluation["bootstrap_draws"],
        "tasks": "\n".join(task_table(report)) if report.tasks else "",
        "task_notes": task_notes(report) if report.tasks else [],
    }


def _method(facts: CardFacts) -> list[tuple[str, str]]:
    """What is set, by the report or else by the checkpoint itself, and where the licence is from."""
    given, environment = facts.given, facts.environment
    setting = environment.setting or {
        key: value for key, value in environment.quantization.items() if isinstance(value, int | float | str)
    }
    lines = [(key, f"`{value}`") for key, value in setting.items()]
    if given.base_revision:
        lines.append(("commit of the base model", f"`{given.base_revision}`"))
    if given.licence is None:
        lines.append(("licence", f"not known: {given.no_licence}. Look at the base model before you use this one"))
    else:
        lines.append(("licence", f"{given.licence.name or given.licence.id}, from {given.licence.source}"))
    return lines


def _calibration(manifest: Manifest) -> dict[str, Any]:
    total = sum(entry["rows"] for entry in manifest.languages.values())
    rows = [
        (
            f"{Language.from_tag(tag).name} ({Language.from_tag(tag).short})" if not tag.startswith("zxx") else "none",
            f"{entry['rows']:,}",
            f"{entry['rows'] / total:.1%}",
            f"{entry['tokens']:,}",
            f"{entry.get('documents', 0):,}",
        )
        for tag, entry in manifest.languages.items()
    ]
    shares = describe_search(manifest.mixture) or manifest.mixture["kind"]
    nonsense = _nonsense(manifest)
    kept_apart = "" if nonsense else f", each of one language; shares: {shares}"
    read = _corpus(manifest.corpus) if nonsense is None else f"{nonsense}, of no corpus"
    return {
        "rows_sentence": f"{total:,} rows of {manifest.sequence_length} tokens{kept_apart}.",
        "shares": "\n".join(aligned(("language", "rows", "share", "tokens", "documents"), rows, ("language",))),
        "corpora": [read, *map(_corpus_of_language, manifest.corpus.get("elsewhere", {}).items())],
    }


def _corpus_of_language(item: tuple[str, Mapping[str, Any]]) -> str:
    tag, described = item
    return f"{Language.from_tag(tag).name}: {_corpus({'kind': 'hub', **described})}"


def _corpus(described: Mapping[str, Any]) -> str:
    """A corpus with its commit and licence, as far as it is known."""
    kind, licence = described.get("kind"), described.get("licence")
    terms = f"licence {licence}" if licence else "licence not known"
    if kind == "hub":
        repository, revision = described["repository"], described["revision"]
        return f"[{repository}](https://huggingface.co/datasets/{repository}) (commit `{revision}`, {terms})"
    if kind == "embedded":
        return f"the corpus embedded in optimum-multilingual ({terms}, made for first runs and tests)"
    return f"text of the publisher's own ({kind}), not published"


def _transformers(facts: CardFacts) -> str:
    module, loader = loader_of(facts.environment.method, facts.environment.engine)
    repo_id = facts.given.repo_id
    imports = f"from {module} import {loader}"
    imports = (
        "from transformers import AutoModelForCausalLM, AutoTokenizer"
        if (module, loader) == ("transformers", "AutoModelForCausalLM")
        else f"from transformers import AutoTokenizer\n{imports}"
    )
    return (
        f'{imports}\n\nmodel = {loader}.from_pretrained("{repo_id}", device_map="auto")\n'
        f'tokenizer = AutoTokenizer.from_pretrained("{repo_id}")'
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
