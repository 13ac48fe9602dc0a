"""`optimum-cli multilingual evaluate`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from optimum.commands.base import BaseOptimumCLICommand

from ..report.output_files import REPORT_ENDINGS
from . import arguments, early_checks

EXAMPLES = """\
  optimum-cli multilingual evaluate examples/tiny-multilingual-lm out/ --languages en sw zh
  optimum-cli multilingual evaluate me/model me/model-awq --languages en yo --evaluation-corpus held_out/ --output report.json
  optimum-cli multilingual evaluate me/model model.Q4_K_M.gguf --languages en sw zh --corpus my_texts/
"""


class EvaluateCommand(BaseOptimumCLICommand):
    """Compares any two checkpoints of one model, language by language."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        arguments.describe(parser, "Measures what each language loses from one checkpoint to another.", EXAMPLES)
        parser.add_argument("reference", help="name or folder of the model before")
        parser.add_argument("quantized", help="name or folder of the model after, or a GGUF file")
        parser.add_argument("--gguf-file", metavar="NAME", help="of a GGUF file in that repository or folder")
        parser.add_argument(
            "--output", metavar="FILE", help="write the report; .json, .md, .csv, .parquet, .html, .png or .svg"
        )
        parser.add_argument("--device-map", help="as in from_pretrained: auto, cpu, cuda:0")
        arguments.add_corpus(parser)
        arguments.add_evaluation(parser)

    def run(self) -> None:
        arguments.run_or_exit(self._run)

    def _run(self) -> None:
        from ..comparison import evaluate_checkpoints
        from ..evaluation.processes import Processes

        if self.args.output is not None:
            early_checks.require_free_file(self.args.output, "A report", REPORT_ENDINGS)
        report = evaluate_checkpoints(
            self.args.reference,
            self.args.quantized,
            arguments.separated(self.args.languages),
            corpus=self.args.corpus,
            evaluation=arguments.evaluation_from(self.args),
            text_column=self.args.text_column,
            device_map=early_checks.device_map_from(self.args),
            gguf_file=self.args.gguf_file,
        )
        if not Processes.current().is_main:
            return
        print(report)
        if self.args.output is not None:
            report.save(Path(self.args.output))
            print(f"saved in {self.args.output}")
