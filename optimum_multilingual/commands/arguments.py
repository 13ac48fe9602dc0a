"""Arguments that several verbs share, and what they become."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ..calibration.published import published_setting
from ..config import MIXTURES, SEPARATORS, SIZES, EvaluationConfig, MultilingualCalibrationConfig
from ..errors import ConfigError, MultilingualError
from ..languages import Language, find_languages


def describe(parser: argparse.ArgumentParser, what: str, examples: str) -> None:
    """Gives a verb its description and, below the options, commands that can be copied."""
    parser.description = what
    parser.epilog = f"examples:\n{examples}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def add_corpus(
    parser: argparse.ArgumentParser,
    languages: str = "names, codes, tags or presets: en sw cmn_Hans Yoruba eu-24; auto: those on the model's card",
) -> None:
    """Adds what says which languages, and where their text comes from."""
    group = parser.add_argument_group("text")
    group.add_argument("--languages", nargs="+", metavar="LANGUAGE", help=languages)
    group.add_argument(
        "--corpus",
        default="embedded",
        help="'embedded' (first runs only), a name that `multilingual corpora` lists, or a folder with en.txt, "
        "sw.jsonl.gz, ...",
    )
    group.add_argument("--text-column", default="text", help="key or column with the text (default: text)")


def add_quantizer(parser: argparse.ArgumentParser) -> None:
    """Adds what says how a study quantizes."""
    parser.add_argument("--method", default="gptq", help="quantization method (default: gptq)")
    parser.add_argument("--engine", help="engine that does the method")
    parser.add_argument("--bits", type=int, help="bits of a weight")
    parser.add_argument("--group-size", type=int, help="weights that share a scale")


def quantizer_from(args: argparse.Namespace) -> dict[str, Any]:
    """Settings of a configuration that the arguments of `add_quantizer` say."""
    return {name: getattr(args, name) for name in ("method", "engine", "bits", "group_size")}


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """Adds what says how a calibration set is built."""
    group = parser.add_argument_group("calibration set")
    group.add_argument(
        "--mixture",
        choices=MIXTURES,
        default="uniform",
        help="shares of the languages (default: uniform); minimax searches them, with `quantize` only",
    )
    group.add_argument("--weights", nargs="+", metavar="LANGUAGE=WEIGHT", help="explicit shares: en=2 sw=1 zh=1")
    group.add_argument("--temperature", type=float, default=1.0, help="above 1 flattens proportional shares")
    group.add_argument("--num-rows", type=int, help="rows of all languages together (default: 128)")
    group.add_argument("--total-tokens", type=int, help="the size given as tokens of all languages together")
    group.add_argument("--tokens-per-language", type=int, help="the size given as tokens of each language")
    group.add_argument("--bytes-per-language", type=int, help="the size given as text of each language")
    group.add_argument("--characters-per-language", type=int, help="the size given as text of each language")
    group.add_argument("--sequence-length", type=int, help="tokens of a row (default: 2048, or 512 with 'embedded')")
    group.add_argument("--document-separator", choices=SEPARATORS, default="newline", help="between two documents")
    group.add_argument("--messages", action="store_true", help="the corpus holds chats; use the chat template")
    group.add_argument("--keep-duplicates", action="store_true", help="keep texts that equal or nearly equal another")
    group.add_argument("--identify-languages", action="store_true", help="check the language of each row, and report")
    group.add_argument(
        "--published", metavar="NAME", help="languages, shares and sizes of a study: beyond-english/multi10"
    )
    group.add_argument("--no-cache", action="store_true", help="build even if the same set was built before")
    group.add_argument("--seed", type=int, default=0, help="of the choice and order of documents (default: 0)")


def add_evaluation_languages(parser: argparse.ArgumentParser) -> None:
    """Adds what says which languages are measured, where others may be calibrated on."""
    parser.add_argument(
        "--evaluation-languages", nargs="+", metavar="LANGUAGE", help="those to measure; default: those of --languages"
    )


def add_evaluation(parser: argparse.ArgumentParser) -> None:
    """Adds what says how languages are measured."""
    defaults = EvaluationConfig()
    group = parser.add_argument_group("evaluation")
    group.add_argument("--evaluation-corpus", help="held-out text; default: a part of --corpus kept for it")
    group.add_argument(
        "--evaluation-tokens",
        type=int,
        default=defaults.tokens_per_language,
        help="in each language, in eight documents or more, a longer one cut (default: %(default)s)",
    )
    group.add_argument(
        "--evaluation-sequence-length",
        type=int,
        metavar="N",
        help="longest window in tokens (default: that of the calibration rows, or 512 without any)",
    )
    group.add_argument(
        "--stride", type=int, help="new tokens in each window of a long document (default: all of a window)"
    )
    group.add_argument(
        "--tasks",
        nargs="+",
        metavar="TASK",
        help="of lm-evaluation-harness, run before and after: belebele xcopa quiz=sw",
    )
    group.add_argument("--task-folder", metavar="FOLDER", help="YAML files of tasks of your own")
    group.add_argument("--task-limit", type=int, help="items of each task (default: all)")
    group.add_argument("--bootstrap-draws", type=int, default=defaults.bootstrap_draws, help="(default: %(default)s)")
    group.add_argument(
        "--confidence", type=float, default=defaults.confidence, help="of intervals (default: %(default)s)"
    )
    group.add_argument(
        "--evaluation-seed",
        type=int,
        default=defaults.seed,
        help="of the choice of documents and of the bootstrap (default: %(default)s)",
    )


def evaluation_from(args: argparse.Namespace, languages: Sequence[str] | None = None) -> EvaluationConfig:
    """How the arguments of `add_evaluation` say languages are measured."""
    return EvaluationConfig(
        languages=separated(languages),
        seed=args.evaluation_seed,
        corpus=args.evaluation_corpus,
        tokens_per_language=args.evaluation_tokens,
        sequence_length=args.evaluation_sequence_length,
        stride=args.stride,
        tasks=separated(args.tasks),
        task_folder=args.task_folder,
        task_limit=args.task_limit,
        bootstrap_draws=args.bootstrap_draws,
        confidence=args.confidence,
    )


def config_from(args: argparse.Namespace, otherwise: Sequence[str] = (), **given: Any) -> MultilingualCalibrationConfig:
    """The configuration the shared arguments describe.

    Args:
        args: those of `add_corpus` and `add_calibration`.
        otherwise: languages where the arguments name none.
        given: what only one verb has.

    Raises:
        ConfigError: arguments that exclude each other, or as in `MultilingualCalibrationConfig`.
    """
    if args.weights and args.mixture != "uniform":
        raise ConfigError("--weights and --mixture both say the shares; give one of them.")
    weights = _weights(args.weights or ())
    said = {
        "languages": separated(args.languages) or tuple(weights) or separated(otherwise),
        "mixture": weights or args.mixture,
        **{name: getattr(args, name) for name in (*SIZES, "sequence_length")},
    }
    if args.published:
        setting = published_setting(args.published)
        for name in setting.keys() & {name for name, value in said.items() if value and value != "uniform"}:
            raise ConfigError(f"--published {args.published} says {name} itself; leave that option out.")
        said |= setting
    return MultilingualCalibrationConfig(
        corpus=args.corpus,
        text_column=args.text_column,
        temperature=args.temperature,
        document_separator=args.document_separator,
        messages=args.messages,
        deduplicate=not args.keep_duplicates,
        identify_languages=args.identify_languages,
        cache=not args.no_cache,
        seed=args.seed,
        **said,
        **given,
    )


def separated(names: Sequence[str] | None) -> list[str]:
    """Names as people write them on a command line, `en sw` or `en,sw`."""
    return [name for given in names or () for name in given.split(",") if name]


def named_values(given: Sequence[str] | None) -> dict[str, Any]:
    """`double_quant=true threshold=3.5 skip_modules='["lm_head"]'` as values; what is no JSON is a string."""
    values = {}
    for each in given or ():
        name, equals, value = each.partition("=")
        if not equals:
            raise ConfigError(f"--method-options takes NAME=VALUE such as double_quant=true, got {each!r}.")
        if name in values:
            raise ConfigError(f"--method-options says {name} twice; give it one value.")
        values[name] = _value(value)
    return values


def _value(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        return written


def _weights(given: Sequence[str]) -> dict[str | Language, float]:
    weights = [_weight(each) for each in given]
    if weights:
        find_languages(
            language for language, _ in weights
        )  # of a language that is there twice a dict keeps the last weight
    return dict(weights)


def _weight(given: str) -> tuple[str, float]:
    language, _, weight = given.partition("=")
    try:
        return language, float(weight)
    except ValueError:
        raise ConfigError(f"--weights takes LANGUAGE=NUMBER such as en=2, got {given!r}.") from None


def run_or_exit(run: Callable[[], None]) -> None:
    """Runs a verb; an error we raise becomes one line on stderr and exit code 1, without a traceback."""
    try:
        run()
    except (MultilingualError, OSError) as error:
        # Transformers raises OSError for a model that is not there, with the ways out.
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)
