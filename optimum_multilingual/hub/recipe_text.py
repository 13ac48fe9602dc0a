"""A recipe as commands that can be copied, and as Python."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from .recipe import Recipe

# Settings whose option is not their name with dashes.
OPTIONS = {"mixture": "--weights"}
EVALUATION_OPTIONS = {
    "tokens_per_language": "--evaluation-tokens",
    "languages": "--evaluation-languages",
    "corpus": "--evaluation-corpus",
    "sequence_length": "--evaluation-sequence-length",
    "seed": "--evaluation-seed",
}
LINE = 100


def command_of(recipe: Recipe) -> str | None:
    """The commands that make the checkpoint again; None where a shell cannot say it.

    hf download me/base --revision 1a2b... --local-dir base/
    optimum-cli multilingual quantize base/ --method gptq --bits 4 --corpus fineweb2 --languages en sw --output out/
    """
    if not recipe.in_a_shell:
        return None
    model, lines = recipe.base_model, []
    if recipe.base_revision:
        model = f"{recipe.base_model.rpartition('/')[2]}/"
        lines.append(
            _wrapped(["hf download", recipe.base_model], ["--revision", recipe.base_revision], ["--local-dir", model])
        )
    settings = dict(recipe.settings)
    if "nonsense" in settings:
        built = [
            _option(key, settings.pop(key))
            for key in ("nonsense", "num_rows", "sequence_length", "seed")
            if key in settings
        ]
        lines.append(_wrapped(["optimum-cli multilingual calibrate", shlex.quote(model)], *built, ["--output", "set/"]))
        del settings["corpus"]
        settings["calibration_set"] = "set/"
    options = [_option(key, value) for key, value in settings.items()]
    if recipe.evaluation is None:
        options.append(["--no-evaluation"])
    else:
        options += [_option(key, value, EVALUATION_OPTIONS) for key, value in recipe.evaluation.items()]
    lines.append(_wrapped(["optimum-cli multilingual quantize", shlex.quote(model)], *options, ["--output", "out/"]))
    return "\n".join(lines)


def python_of(recipe: Recipe, repo_id: str) -> str:
    """The same in Python.

    Args:
        recipe: of the checkpoint.
        repo_id: where it is published; the config of an upstream method is read from there.
    """
    settings = dict(recipe.settings)
    method = repr(settings.pop("method"))
    theirs, ours = {"AutoModelForCausalLM"}, {"MultilingualCalibrationConfig"}
    if recipe.upstream:
        theirs |= {"AutoConfig", recipe.upstream}
        method = f"{recipe.upstream}.from_dict(AutoConfig.from_pretrained({repo_id!r}).quantization_config)"
    written = {key: repr(value) for key, value in settings.items()}
    if recipe.repository:
        ours.add("HubCorpus")
        written["corpus"] = _hub_corpus(recipe.repository)
    if "nonsense" in settings:
        theirs.add("AutoTokenizer")
        ours.add("build_nonsense_set")
        written["calibration_set"] = _nonsense_set(recipe.base_model, written)
    if recipe.evaluation is None:
        written["evaluation"] = "None"
    elif recipe.evaluation:
        ours.add("EvaluationConfig")
        measured = {key: repr(value) for key, value in recipe.evaluation.items()}
        if recipe.evaluation_repository:
            ours.add("HubCorpus")
            measured["corpus"] = _hub_corpus(recipe.evaluation_repository)
        written["evaluation"] = f"EvaluationConfig({_keywords(measured)})"
    revision = f", revision={recipe.base_revision!r}" if recipe.base_revision else ""
    arguments = "".join(f"    {key}={value},\n" for key, value in written.items())
    return "\n".join(
        [
            f"from transformers import {', '.join(sorted(theirs))}",
            f"from optimum_multilingual import {', '.join(sorted(ours))}",
            "",
            f"config = MultilingualCalibrationConfig(\n    {method},\n{arguments})",
            f"model = AutoModelForCausalLM.from_pretrained({recipe.base_model!r}{revision}, quantization_config=config)",
        ]
    )


def _nonsense_set(base_model: str, written: dict[str, str]) -> str:
    """The call that builds random rows; takes out of the written settings what it says."""
    del written["corpus"]
    tokenizer = f"AutoTokenizer.from_pretrained({base_model!r})"
    rows = ", ".join([written.pop("nonsense"), tokenizer, written.pop("num_rows"), written.pop("sequence_length")])
    return f"build_nonsense_set({rows}, seed={written.pop('seed', '0')})"


def _hub_corpus(described: Mapping[str, Any]) -> str:
    kept = ("evaluation_files", "text_column", "revision")
    keywords = {key: repr(described[key]) for key in kept if described.get(key)}
    return f"HubCorpus.from_repository({described['repository']!r}, {described['files']!r}, {_keywords(keywords)})"


def _keywords(values: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())


def _option(key: str, value: Any, names: Mapping[str, str] = OPTIONS) -> list[str]:
    """One option with its values as words of a command."""
    if key == "deduplicate":
        return ["--keep-duplicates"]
    option = names.get(key, f"--{key.replace('_', '-')}")
    if value is True:
        return [option]
    if isinstance(value, Mapping):
        as_json = key == "method_options"
        words = [f"{name}={json.dumps(item) if as_json else item}" for name, item in value.items()]
    else:
        words = [str(each) for each in (value if isinstance(value, list) else [value])]
    return [option, *map(shlex.quote, words)]


def _wrapped(*parts: list[str]) -> str:
    """A command, broken between its options where it is long."""
    lines = [" ".join(parts[0])]
    for words in map(" ".join, parts[1:]):
        if len(lines[-1]) + len(words) < LINE:
            lines[-1] += f" {words}"
        else:
            lines.append(f"  {words}")
    return " \\\n".join(lines)
