"""`optimum-cli multilingual quantize`."""

from __future__ import annotations

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from optimum.commands.base import BaseOptimumCLICommand

from ..config import DEFAULT_SEARCH_STEPS, MultilingualCalibrationConfig
from ..errors import ModelError
from . import arguments, early_checks

EXAMPLES = """\
  optimum-cli multilingual quantize examples/tiny-multilingual-lm --languages en sw zh --output out/
  optimum-cli multilingual quantize me/model --bits 3 --group-size 64 --corpus my_texts/ --languages en sw --output out/
  optimum-cli multilingual quantize me/model --method nf4 --method-options double_quant=true --languages en sw --output out/
  optimum-cli multilingual quantize me/model --mixture minimax --num-rows 96 --corpus my_texts/ --languages en sw hi --output out/
  optimum-cli multilingual quantize me/model --calibration-set set/ --evaluation-corpus held_out/ --output out/
"""


class QuantizeCommand(BaseOptimumCLICommand):
    """Quantizes a model, prints the report, saves an ordinary checkpoint."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        arguments.describe(
            parser, "Quantizes a model with balanced calibration, prints what each language lost, saves it.", EXAMPLES
        )
        parser.add_argument("model", help="name or folder of the model")
        parser.add_argument("--output", required=True, help="new folder for the checkpoint")
        parser.add_argument("--method", default="gptq", help="one that `multilingual methods` lists (default: gptq)")
        parser.add_argument("--engine", help="one that does it (default: the first that `methods` lists)")
        parser.add_argument("--bits", type=int, help="bits of a weight (default: the method's)")
        parser.add_argument("--group-size", type=int, help="weights that share a scale (default: the method's)")
        parser.add_argument(
            "--method-options", nargs="+", metavar="NAME=VALUE", help="those `methods NAME` lists: double_quant=true"
        )
        parser.add_argument("--device-map", help="as in from_pretrained: auto, cpu, cuda:0")
        parser.add_argument(
            "--calibration-set", metavar="FOLDER", help="a set saved by `calibrate`, in place of building one"
        )
        parser.add_argument(
            "--seeds",
            type=int,
            default=1,
            help="calibration sets to draw and measure; the first makes the model (default: 1)",
        )
        parser.add_argument(
            "--search-steps",
            type=int,
            default=DEFAULT_SEARCH_STEPS,
            help="most mixtures that --mixture minimax tries (default: %(default)s)",
        )
        parser.add_argument("--no-evaluation", action="store_true", help="quantize without measuring")
        parser.add_argument(
            "--no-coverage-check",
            action="store_true",
            help="do not hold languages that are measured alone against the calibration rows",
        )
        arguments.add_corpus(parser)
        arguments.add_calibration(parser)
        arguments.add_evaluation(parser)
        arguments.add_evaluation_languages(parser)

    def run(self) -> None:
        arguments.run_or_exit(self._run)

    def _run(self) -> None:
        folder = early_checks.require_free_folder(self.args.output)
        config, device_map = self._config(), early_checks.device_map_from(self.args)

        from ..backends.quiet import quiet_import

        with quiet_import():
            from transformers import AutoModelForCausalLM

            from .. import integration  # noqa: F401  makes the configuration known to from_pretrained
        from ..backends import find_backend
        from ..calibration.tokenization import load_tokenizer
        from ..evaluation.processes import Processes

        _require_dense(self.args.model)
        _require_savable(self.args.model)
        find_backend(config).capability.require_saving()
        with _telling_plans():
            model = AutoModelForCausalLM.from_pretrained(
                self.args.model, quantization_config=config, device_map=device_map
            )
        if not Processes.current().is_main:
            return
        # Before saving, which may fail: the report took most of the time.
        if model.multilingual_report is not None:
            print(model.multilingual_report, flush=True)
        model.save_pretrained(folder)
        load_tokenizer(None, self.args.model).save_pretrained(folder)
        print(f"saved in {folder}")

    def _config(self) -> MultilingualCalibrationConfig:
        args = self.args
        if args.no_evaluation:
            unread = [arguments.add_evaluation, arguments.add_evaluation_languages]
            early_checks.refuse_unused(args, unread, "--no-evaluation measures nothing")
        evaluation = None if args.no_evaluation else arguments.evaluation_from(args, args.evaluation_languages)
        return arguments.config_from(
            args,
            _languages_to_measure(args),
            method=args.method,
            engine=args.engine,
            method_options=arguments.named_values(args.method_options),
            bits=args.bits,
            group_size=args.group_size,
            calibration_set=args.calibration_set,
            seeds=args.seeds,
            check_coverage=not args.no_coverage_check,
            search_steps=args.search_steps,
            evaluation=evaluation,
        )


def _languages_to_measure(args: Namespace) -> Sequence[str]:
    """What stands for `--languages` where it is not given: the languages measured, if the method calibrates on none."""
    if args.published or not args.evaluation_languages:
        return ()

    from ..backends import all_capabilities

    of_method = [each for each in all_capabilities() if each.method == args.method.lower()]
    found = [each for each in of_method if args.engine is None or each.engine == args.engine.lower()]
    # Of a method that nobody knows, find_backend tells later.
    return args.evaluation_languages if found and not found[0].needs_calibration else ()


def _require_dense(model: str) -> None:
    """Refuses what is no causal language model, and one that is quantized already, by its config."""
    from ..checkpoint import PROVENANCE_KEY
    from ..model_checks import load_causal_lm_config

    config = load_causal_lm_config(model)
    upstream, ours = getattr(config, "quantization_config", None), getattr(config, PROVENANCE_KEY, None)
    if upstream is not None or ours is not None:
        # Not every engine says in config.json that it was there: Quanto does not.
        method = (upstream or {}).get("quant_method") or (ours or {}).get("method")
        raise ModelError(
            f"{model} is already quantized ({method}); quantizing starts from the full-precision model. To measure this one, "
            "use `optimum-cli multilingual evaluate`."
        )


def _require_savable(model: str) -> None:
    """Refuses a model whose settings of generation would stop it from being saved when all is done."""
    from transformers import GenerationConfig

    from ..checkpoint import why_unsavable

    try:
        generation = GenerationConfig.from_pretrained(model)
    except OSError:
        return  # It has none of its own.
    reason = why_unsavable(generation)
    if reason is not None:
        raise ModelError(
            f"The generation_config.json of {model} cannot be saved again by Transformers ({reason}). Correct it in a local copy "
            "of the model, often by do_sample=true, and quantize that."
        )


@contextmanager
def _telling_plans() -> Iterator[None]:
    """Lets the lines through that say what the run will hold in memory, and how long it takes at the least."""
    loggers = [logging.getLogger(f"optimum_multilingual.{plan}") for plan in ("memory_plan", "least_time")]
    before = [(logger.level, logger.propagate) for logger in loggers]
    handler = logging.StreamHandler()
    for logger in loggers:
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.removeHandler(handler)
            logger.propagate = propagate
