"""`optimum-cli multilingual size`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from optimum.commands.base import BaseOptimumCLICommand

from . import arguments, early_checks

EXAMPLES = """\
  optimum-cli multilingual size me/model --languages en sw hi --bits 4 --num-rows 384 --corpus my_texts/ --output size/
  optimum-cli multilingual size me/model --languages eu-24 --sizes 4096 16384 65536 262144 --seeds 3 --corpus my_texts/
  optimum-cli multilingual size me/model --languages en sw hi --num-rows 384 --select --corpus my_texts/ --output size/
"""


class SizeCommand(BaseOptimumCLICommand):
    """Finds how many tokens per language are enough."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        arguments.describe(
            parser,
            "Quantizes one model with more and more of one calibration set and says how many tokens per language are enough.",
            EXAMPLES,
        )
        parser.add_argument("model", help="dense model, by name or folder")
        arguments.add_quantizer(parser)
        parser.add_argument(
            "--sizes",
            nargs="+",
            type=int,
            metavar="TOKENS",
            help="of each language, at least four (default: halves of the largest, which --num-rows says)",
        )
        parser.add_argument("--seeds", type=int, default=1, help="draws of the calibration text (default: 1)")
        parser.add_argument(
            "--tolerance", type=float, default=0.02, help="part of KL a doubling must gain (default: 0.02)"
        )
        parser.add_argument("--select", action="store_true", help="also take the rows with the highest KL, and compare")
        parser.add_argument(
            "--output", metavar="FOLDER", help="for cells, tables and pictures; the same again goes on where it ended"
        )
        parser.add_argument("--device-map", help="as in from_pretrained, one device: cpu, cuda:0")
        arguments.add_corpus(parser)
        arguments.add_calibration(parser)
        arguments.add_evaluation(parser)

    def run(self) -> None:
        arguments.run_or_exit(self._run)

    def _run(self) -> None:
        from ..analysis.size import find_sufficient_size
        from ..evaluation.processes import Processes
        from ..report.canvas import require_matplotlib

        args = self.args
        if args.output is not None:
            # Hours of cells come before the pictures.
            require_matplotlib()
        config = arguments.config_from(
            args, **arguments.quantizer_from(args), seeds=args.seeds, evaluation=arguments.evaluation_from(args)
        )
        device_map = early_checks.device_map_from(args)
        found = find_sufficient_size(
            args.model, config, args.output, args.sizes or (), args.tolerance, args.select, device_map
        )
        if not Processes.current().is_main:
            return
        print(found)
        if args.output is not None:
            found.save(Path(args.output))
            print(f"saved in {args.output}")
