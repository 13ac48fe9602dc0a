"""The measures as structured results: `model-index` of the card, and `.eval_results/*.yaml` of the repository."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..languages import Language, find_language
from ..report.multilingual_report import REPORT_FILE, MultilingualReport
from ..report.scores import BROKEN, LanguageScore
from .front_matter import as_yaml

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

# By this source our results are told from those of others on the same card.
SOURCE = "optimum-multilingual"

# The client writes results of one dataset, config and split under one source, so that ours have a split of their own.
SPLIT = "held-out"

# Files of this name begin are ours, and are replaced by the next push.
PREFIX = ".eval_results/multilingual_"

# What stands in the place of a dataset's id for text that is not on the Hub.
NOT_ON_THE_HUB = "custom"


def report_address(repo_id: str, revision: str | None = None) -> str:
    """Where the whole report is, for people.

    >>> report_address("me/model", "v2")
    'https://huggingface.co/me/model/blob/v2/multilingual_report.json'
    """
    return f"https://huggingface.co/{repo_id}/blob/{quote(revision or 'main', safe='')}/{REPORT_FILE}"


def model_index(report: MultilingualReport, repo_id: str, revision: str | None = None) -> list[EvalResult]:
    """One entry for each language and measure, worst language first, and one for each downstream task.

    Args:
        report: what each language lost.
        repo_id: of the model.
        revision: branch it is published on; None for the default one.
    """
    address = report_address(repo_id, revision)
    results = [result for score in report.worst_first for result in _of_language(report, score, address)]
    return results + [_of_task(task, address) for task in report.tasks]


def eval_result_files(report: MultilingualReport, repo_id: str, revision: str | None = None) -> dict[str, bytes]:
    """The files under `.eval_results/`, path to content: bits per byte of each language, where its text is a dataset of the Hub.

        - dataset: {id: openlanguagedata/flores_plus, task_id: swh_Latn, revision: 1a2b...}
          value: 2.7578
          source: {url: https://huggingface.co/me/model/blob/main/multilingual_report.json, name: optimum-multilingual}
          notes: bits per byte of held-out text; +0.40% (+0.24% .. +0.55%) against the model before quantization, damaged

    The format names a dataset of the Hub in every entry, so text of one's own gives none. The Hub shows the entries of those
    datasets that are registered as benchmarks. A broken language has no value, and no entry; the card names it.

    Args:
        report: what each language lost.
        repo_id: of the model.
        revision: branch it is published on; None for the default one.

    Source: https://huggingface.co/docs/hub/eval-results
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    corpus = report.evaluation["corpus"]
    if corpus.get("kind") != "hub":
        return {}
    address = report_address(repo_id, revision)
    of_file: dict[str, list[EvalResultEntry]] = {}
    for score in report.worst_first:
        if score.verdict == BROKEN:
            continue
        dataset, commit = _dataset(corpus, score.language)
        entry = EvalResultEntry(
            dataset_id=dataset,
            task_id=score.language,
            value=round(score.quantized.bits_per_byte, 6),
            dataset_revision=commit,
            source_url=address,
            source_name=SOURCE,
            notes=f"bits per byte of held-out text; {_change(score)} against the model before quantization, {score.verdict}",
        )
        of_file.setdefault(f"{PREFIX}{dataset.rpartition('/')[2]}.yaml", []).append(entry)
    return {path: as_yaml(eval_result_entries_to_yaml(entries)).encode() for path, entries in of_file.items()}


def _of_language(report: MultilingualReport, score: LanguageScore, address: str) -> list[EvalResult]:
    from huggingface_hub import EvalResult

    corpus = report.evaluation["corpus"]
    dataset, revision = _dataset(corpus, score.language)
    name = corpus.get("name") or corpus.get("kind")
    measures = {
        "perplexity": ("Perplexity", score.quantized.perplexity),
        "bits_per_byte": ("Bits per byte", score.quantized.bits_per_byte),
        "bits_per_byte_change": (
            "Change of bits per byte against the model before, in percent",
            100 * score.relative_change.value,
        ),
        "kl_divergence": ("KL divergence from the model before, nats a token", score.kl.mean.value),
    }
    return [
        EvalResult(
            task_type="text-generation",
            task_name="Language modelling",
            dataset_type=dataset,
            dataset_name=f"{score.name}, held-out text of {name}",
            dataset_config=score.language,
            dataset_split=SPLIT,
            dataset_revision=revision,
            metric_type=kind,
            metric_name=title,
            metric_value=_finite(value),
            source_name=SOURCE,
            source_url=address,
        )
        for kind, (title, value) in measures.items()
    ]


def _of_task(task: Any, address: str) -> EvalResult:
    from huggingface_hub import EvalResult

    return EvalResult(
        task_type="text-generation",
        task_name="Downstream task",
        dataset_type=task.task,
        dataset_name=f"{task.task} ({find_language(task.language).name})",
        dataset_config=task.language,
        dataset_split=SPLIT,
        metric_type="accuracy",
        metric_name="Accuracy",
        metric_value=_finite(task.quantized),
        source_name=SOURCE,
        source_url=address,
    )


def _dataset(corpus: dict[str, Any], language: str) -> tuple[str, str | None]:
    """Id and commit of the dataset a language was read from."""
    if corpus.get("kind") != "hub":
        return NOT_ON_THE_HUB, None
    described = corpus.get("elsewhere", {}).get(Language.from_tag(language).tag, corpus)
    return described["repository"], described["revision"]


def _finite(value: float) -> float | str:
    return round(value, 6) if math.isfinite(value) else BROKEN


def _change(score: LanguageScore) -> str:
    change = score.relative_change
    return f"{change.value:+.2%} ({change.low:+.2%} .. {change.high:+.2%})"
