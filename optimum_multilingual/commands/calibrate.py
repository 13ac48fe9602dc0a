"""`optimum-cli multilingual calibrate`."""

from __future__ import annotations

from argparse import ArgumentParser

from optimum.commands.base import BaseOptimumCLICommand

from .arguments import add_calibration, add_corpus, config_from, describe, require_free_folder, run_or_exit

EXAMPLES = """\
  optimum-cli multilingual calibrate examples/tiny-multilingual-lm --languages en sw zh --output set/
  optimum-cli multilingual calibrate me/model --corpus my_texts/ --languages auto code --num-rows 640 --output set/
  optimum-cli multilingual calibrate me/model --corpus my_texts/ --weights en=2 sw=1 --num-rows 96 --output set/
"""


class CalibrateCommand(BaseOptimumCLICommand):
    """Builds a calibration set and saves it."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        describe(parser, "Builds a language-balanced calibration set and saves it with its manifest.", EXAMPLES)
        parser.add_argument("model", help="model whose tokenizer is used, by name or folder")
        parser.add_argument("--output", required=True, help="new folder for the set")
        add_corpus(parser)
        add_calibration(parser)

    def run(self) -> None:
        run_or_exit(self._run)

    def _run(self) -> None:
        folder = require_free_folder(self.args.output)
        config = config_from(self.args)

        from ..calibration.build import build_calibration_set
        from ..calibration.tokenization import load_tokenizer
        from ..hub.card_languages import with_card_languages

        config = with_card_languages(config, self.args.model)
        calibration_set = build_calibration_set(
            config, load_tokenizer(None, self.args.model), _max_length(self.args.model)
        )
        calibration_set.save(folder)
        manifest = calibration_set.manifest
        print(f"{'language':10} {'rows':>6} {'tokens':>10} {'documents':>10}")
        for tag, entry in manifest.languages.items():
            print(f"{tag:10} {entry['rows']:6} {entry['tokens']:10,} {entry['documents']:10,}")
        print(
            f"{len(calibration_set)} rows of {manifest.sequence_length} tokens, fingerprint {manifest.fingerprint[:16]}"
        )
        print(f"saved in {folder}")


def _max_length(model: str) -> int | None:
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(model)
    except (OSError, ValueError):
        return None  # A folder with a tokenizer only; the length is checked again when a model is quantized.
    return getattr(config.get_text_config(), "max_position_embeddings", None)
