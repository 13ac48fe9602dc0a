"""`optimum-cli multilingual quantize`."""

from __future__ import annotations

import logging
from argparse import ArgumentParser

from optimum.commands.base import BaseOptimumCLICommand

from ..config import DEFAULT_SEARCH_STEPS
from ..errors import ModelError
from . import arguments

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
        folder = arguments.require_free_folder(self.args.output)
        config = arguments.config_from(
            self.args,
            method=self.args.method,
            engine=self.args.engine,
            method_options=arguments.named_values(self.args.method_options),
            bits=self.args.bits,
            group_size=self.args.group_size,
            calibration_set=self.args.calibration_set,
            seeds=self.args.seeds,
            check_coverage=not self.args.no_coverage_check,
            search_steps=self.args.search_steps,
            evaluation=None
            if self.args.no_evaluation
            else arguments.evaluation_from(self.args, self.args.evaluation_languages),
        )

        from ..backends.quiet import quiet_import

        with quiet_import():
            from transformers import AutoConfig, AutoModelForCausalLM

            from .. import integration  # noqa: F401  makes the configuration known to from_pretrained
        from ..backends import find_backend
        from ..calibration.tokenization import load_tokenizer
        from ..evaluation.processes import Processes

        upstream = getattr(AutoConfig.from_pretrained(self.args.model), "quantization_config", None)
        if upstream is not None:
            raise ModelError(
                f"{self.args.model} is already quantized ({upstream.get('quant_method')}); quantizing starts from the "
                "full-precision model. To measure this one, use `optimum-cli multilingual evaluate`."
            )
        find_backend(config).capability.require_saving()
        _tell_plans()
        model = AutoModelForCausalLM.from_pretrained(
            self.args.model, quantization_config=config, device_map=self.args.device_map
        )
        if not Processes.current().is_main:
            return
        model.save_pretrained(folder)
        load_tokenizer(None, self.args.model).save_pretrained(folder)
        if model.multilingual_report is not None:
            print(model.multilingual_report)
        print(f"saved in {folder}")


def _tell_plans() -> None:
    """Lets the lines through that say what the run will hold in memory, and how long it takes at the least."""
    for plan in ("memory_plan", "least_time"):
        logger = logging.getLogger(f"optimum_multilingual.{plan}")
        logger.setLevel(logging.INFO)
        if not logger.handlers:
            logger.addHandler(logging.StreamHandler())
        logger.propagate = False
