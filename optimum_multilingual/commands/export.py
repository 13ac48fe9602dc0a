"""`optimum-cli multilingual export`."""

from __future__ import annotations

from argparse import ArgumentParser

from optimum.commands.base import BaseOptimumCLICommand

from ..errors import ConfigError
from .arguments import describe, run_or_exit
from .early_checks import require_free_folder

EXAMPLES = """\
  optimum-cli multilingual export set/ --to text --tokenizer me/model --output imatrix/
  optimum-cli multilingual export set/ --to safetensors --output tensors/
  optimum-cli multilingual export set/ --to dataset --output rows/
"""
FORMS = ("text", "safetensors", "dataset")


class ExportCommand(BaseOptimumCLICommand):
    """Hands a saved calibration set to other tools."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        describe(parser, "Writes a saved calibration set in a form that other tools read.", EXAMPLES)
        parser.add_argument("set", help="folder of a set saved by `calibrate`")
        parser.add_argument(
            "--to",
            required=True,
            choices=FORMS,
            help="text for llama-imatrix (whole, and one file for each language); safetensors of token ids; a "
            "`datasets` folder for llm-compressor and AutoRound",
        )
        parser.add_argument("--tokenizer", help="name or folder of the tokenizer; needed for text")
        parser.add_argument("--output", required=True, help="new folder")

    def run(self) -> None:
        run_or_exit(self._run)

    def _run(self) -> None:
        folder = require_free_folder(self.args.output)

        from ..atomic_folder import written_aside
        from ..calibration import export
        from ..calibration.calibration_set import CalibrationSet
        from ..calibration.tokenization import load_tokenizer

        calibration_set = CalibrationSet.load(self.args.set)
        if self.args.to == "text":
            if self.args.tokenizer is None:
                raise ConfigError("--to text decodes token ids; give --tokenizer, the name or folder of the set's own.")
            export.export_text(calibration_set, load_tokenizer(None, self.args.tokenizer), folder)
        elif self.args.to == "safetensors":
            export.export_tensors(calibration_set, folder)
        else:
            dataset = export.export_dataset(calibration_set)
            with written_aside(folder, "state.json") as aside:
                dataset.save_to_disk(aside)
        print(f"{len(calibration_set)} rows saved in {folder}")
