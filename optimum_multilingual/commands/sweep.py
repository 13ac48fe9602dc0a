"""`optimum-cli multilingual sweep`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from optimum.commands.base import BaseOptimumCLICommand

from ..errors import ConfigError
from . import arguments, early_checks

EXAMPLES = """\
  optimum-cli multilingual sweep me/model --preset beyond-english --corpus my_texts/ --output sweep/
  optimum-cli multilingual sweep me/model --preset outliers --settings en hi random-tokens --corpus my_texts/ --output sweep/
  optimum-cli multilingual sweep me/model --plan plan.json --bits 3 4 --seeds 0 1 2 --corpus my_texts/ --output sweep/
  torchrun --nproc-per-node 4 -m optimum.commands.optimum_cli multilingual sweep me/model --preset beyond-english \\
    --corpus my_texts/ --output sweep/
"""


class SweepCommand(BaseOptimumCLICommand):
    """Quantizes one model with many calibration sets and ranks them."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        arguments.describe(
            parser,
            "Quantizes one model with many calibration sets and says which costs which language how much.",
            EXAMPLES,
        )
        parser.add_argument("model", help="dense model, by name or folder")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--preset", metavar="NAME", help="plan of a study: beyond-english or outliers")
        which.add_argument("--plan", metavar="FILE", help="a plan of your own, as JSON")
        parser.add_argument(
            "--output", required=True, help="folder for the cells and the tables; the same again goes on where it ended"
        )
        parser.add_argument("--settings", nargs="+", metavar="NAME", help="those of the plan to run (default: all)")
        parser.add_argument("--quantizers", nargs="+", metavar="NAME", help="those of the plan to run (default: all)")
        parser.add_argument("--bits", nargs="+", type=int, help="in place of the plan's")
        parser.add_argument("--seeds", nargs="+", type=int, help="in place of the plan's")
        parser.add_argument("--num-rows", type=int, help="rows of every set, in place of the plan's")
        parser.add_argument("--sequence-length", type=int, help="tokens of a row, in place of the plan's")
        parser.add_argument("--device-map", help="as in from_pretrained, one device: cpu, cuda:0")
        arguments.add_corpus(parser, languages="those to measure, in place of the plan's")
        arguments.add_evaluation(parser)

    def run(self) -> None:
        arguments.run_or_exit(self._run)

    def _run(self) -> None:
        from ..analysis.sweep import sweep_settings
        from ..analysis.sweep_plan import SweepPlan, find_sweep
        from ..evaluation.processes import Processes
        from ..report.canvas import require_matplotlib

        args = self.args
        plan = find_sweep(args.preset) if args.preset else SweepPlan.load(args.plan)
        plan = plan.only(
            arguments.separated(args.settings),
            arguments.separated(args.quantizers),
            bits=args.bits or (),
            seeds=args.seeds or (),
            languages=arguments.separated(args.languages),
            num_rows=args.num_rows,
            sequence_length=args.sequence_length,
        )
        if args.tasks:
            raise ConfigError("A sweep measures text only; leave --tasks out, and run them on the setting it finds.")
        # Hours of cells come before the pictures.
        require_matplotlib()
        result = sweep_settings(
            args.model,
            plan,
            args.output,
            corpus=args.corpus,
            evaluation=arguments.evaluation_from(args),
            text_column=args.text_column,
            device_map=early_checks.device_map_from(args),
        )
        if not Processes.current().is_main:
            return
        print(result)
        result.save(Path(args.output))
        print(f"saved in {args.output}")
