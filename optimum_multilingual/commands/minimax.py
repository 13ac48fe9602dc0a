"""`optimum-cli multilingual minimax`."""

from __future__ import annotations

from argparse import ArgumentParser

from optimum.commands.base import BaseOptimumCLICommand

from ..config import DEFAULT_SEARCH_STEPS
from . import arguments, early_checks

EXAMPLES = """\
  optimum-cli multilingual minimax me/model --languages en sw hi --bits 3 --num-rows 96 --corpus my_texts/ --output minimax/
"""


class MinimaxCommand(BaseOptimumCLICommand):
    """Searches the mixture whose worst language loses least."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        arguments.describe(
            parser,
            "Searches the shares of languages whose worst language loses least, at a fixed number of rows.",
            EXAMPLES,
        )
        parser.add_argument("model", help="dense model, by name or folder")
        arguments.add_quantizer(parser)
        parser.add_argument(
            "--steps", type=int, default=DEFAULT_SEARCH_STEPS, help="most quantizations to try (default: %(default)s)"
        )
        parser.add_argument("--rate", type=float, default=0.8, help="how fast shares follow damage (default: 0.8)")
        parser.add_argument(
            "--mean-rise",
            type=float,
            default=0.01,
            help="how much the mean over languages may rise, as a part: 0.01 is one percent, inf no limit (default: 0.01)",
        )
        parser.add_argument("--output", metavar="FOLDER", help="new folder for shares and steps: JSON, table, plots")
        parser.add_argument("--device-map", help="as in from_pretrained, one device: cpu, cuda:0")
        arguments.add_corpus(parser)
        arguments.add_calibration(parser)
        arguments.add_evaluation(parser)

    def run(self) -> None:
        arguments.run_or_exit(self._run)

    def _run(self) -> None:
        from ..analysis.minimax import find_minimax_mixture
        from ..evaluation.processes import Processes
        from ..report.canvas import require_matplotlib

        args = self.args
        if args.output is not None:
            early_checks.require_free_folder(args.output)
            # The pictures come after hours of search.
            require_matplotlib()
        config = arguments.config_from(
            args, **arguments.quantizer_from(args), evaluation=arguments.evaluation_from(args)
        )
        device_map = early_checks.device_map_from(args)
        found = find_minimax_mixture(
            args.model, config, args.steps, args.rate, mean_rise=args.mean_rise, device_map=device_map
        )
        if not Processes.current().is_main:
            return
        print(found)
        weights = " ".join(f"{tag}={share:.6f}" for tag, share in found.shares.items())
        print(f"\nto quantize with it: optimum-cli multilingual quantize {args.model} --weights {weights} ...")
        if args.output is not None:
            found.save(args.output)
            print(f"saved in {args.output}")
