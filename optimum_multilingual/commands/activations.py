"""`optimum-cli multilingual activations`."""

from __future__ import annotations

from argparse import ArgumentParser

from optimum.commands.base import BaseOptimumCLICommand

from . import arguments, early_checks

EXAMPLES = """\
  optimum-cli multilingual activations me/model --languages en sw zh --corpus my_texts/ --output activations/
  optimum-cli multilingual activations me/model --languages en --evaluation-languages en sw ha yo --corpus my_texts/
"""


class ActivationsCommand(BaseOptimumCLICommand):
    """Measures what the linear layers of a model receive in each language."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        arguments.describe(
            parser,
            "Says in which languages activations go beyond those of a calibration set, and which languages are alike.",
            EXAMPLES,
        )
        parser.add_argument("model", help="dense model, by name or folder")
        parser.add_argument(
            "--output", metavar="FOLDER", help="new folder for the numbers of every channel and the plots"
        )
        parser.add_argument("--device-map", help="as in from_pretrained: auto, cpu, cuda:0")
        arguments.add_evaluation_languages(parser)
        arguments.add_corpus(parser)
        arguments.add_calibration(parser)
        arguments.add_evaluation(parser)

    def run(self) -> None:
        arguments.run_or_exit(self._run)

    def _run(self) -> None:
        from ..analysis.activations import measure_activations
        from ..evaluation.processes import Processes
        from ..report.canvas import require_matplotlib

        args = self.args
        folder = None if args.output is None else early_checks.require_free_folder(args.output)
        if folder is not None:
            require_matplotlib()
        evaluation = arguments.evaluation_from(args, args.evaluation_languages)
        config = arguments.config_from(args, evaluation=evaluation)
        found = measure_activations(args.model, config, early_checks.device_map_from(args))
        if not Processes.current().is_main:
            return
        print(found)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            found.save(folder)
            print(f"saved in {folder}")
