"""`optimum-cli multilingual calibrate`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from optimum.commands.base import BaseOptimumCLICommand

from ..errors import ConfigError, ModelError
from .arguments import add_calibration, add_corpus, config_from, describe, run_or_exit
from .early_checks import refuse_unused, require_free_folder

EXAMPLES = """\
  optimum-cli multilingual calibrate examples/tiny-multilingual-lm --languages en sw zh --output set/
  optimum-cli multilingual calibrate me/model --corpus my_texts/ --languages auto code --num-rows 640 --output set/
  optimum-cli multilingual calibrate me/model --corpus my_texts/ --weights en=2 sw=1 --num-rows 96 --output set/
  optimum-cli multilingual calibrate me/model --corpus fineweb2 --languages en sw cmn_Hans --output set/
  optimum-cli multilingual calibrate me/model --nonsense random-tokens --num-rows 32 --sequence-length 512 --output set/
  optimum-cli multilingual calibrate me/model --corpus my_texts/ --verify set/calibration_manifest.json
"""


class CalibrateCommand(BaseOptimumCLICommand):
    """Builds a calibration set and saves it, or proves that a manifest builds the same set again."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        describe(parser, "Builds a language-balanced calibration set and saves it with its manifest.", EXAMPLES)
        parser.add_argument("model", help="model whose tokenizer is used, by name or folder")
        target = parser.add_mutually_exclusive_group(required=True)
        target.add_argument("--output", help="new folder for the set")
        target.add_argument("--verify", metavar="MANIFEST", help="build a set again from its manifest and compare")
        parser.add_argument("--nonsense", metavar="KIND", help="no text at all: random-tokens or random-punctuation")
        add_corpus(parser)
        add_calibration(parser)

    def run(self) -> None:
        run_or_exit(self._verify if self.args.verify else self._build)

    def _build(self) -> None:
        folder = require_free_folder(self.args.output)
        config = None if self.args.nonsense else config_from(self.args)
        calibration_set = self._nonsense() if config is None else self._of_text(config)
        calibration_set.save(folder)
        manifest = calibration_set.manifest
        print(f"{'language':10} {'rows':>6} {'tokens':>10} {'documents':>10} {'copies':>7}  identified")
        for tag, entry in manifest.languages.items():
            counts = f"{entry.get('documents', 0):10,} {entry.get('duplicates', 0):7,}"
            print(f"{tag:10} {entry['rows']:6} {entry['tokens']:10,} {counts}  {_identified(entry.get('identified'))}")
        print(
            f"{len(calibration_set)} rows of {manifest.sequence_length} tokens, fingerprint {manifest.fingerprint[:16]}"
        )
        print(f"saved in {folder}")
        if manifest.corpus.get("republish") is False:
            print(
                f"The text of {manifest.corpus['name']} may not be published again, nor may its token ids in this folder."
            )

    def _of_text(self, config: Any) -> Any:
        from ..calibration.build import build_calibration_set
        from ..calibration.tokenization import load_tokenizer
        from ..hub.card_languages import with_card_languages

        config = with_card_languages(config, self.args.model)
        return build_calibration_set(config, load_tokenizer(None, self.args.model), _max_length(self.args.model))

    def _nonsense(self) -> Any:
        why, used = "--nonsense reads no text", ("num_rows", "sequence_length", "seed")
        refuse_unused(self.args, [add_corpus, add_calibration], why, used)
        if self.args.num_rows is None or self.args.sequence_length is None:
            raise ConfigError("--nonsense has no text to take its size from; give --num-rows and --sequence-length.")
        from ..calibration.nonsense import build_nonsense_set
        from ..calibration.tokenization import load_tokenizer

        tokenizer = load_tokenizer(None, self.args.model)
        size = self.args.num_rows, self.args.sequence_length
        return build_nonsense_set(self.args.nonsense, tokenizer, *size, seed=self.args.seed)

    def _verify(self) -> None:
        if self.args.nonsense:
            raise ConfigError("--verify finds the kind of nonsense in the manifest; leave --nonsense out.")
        why, used = "--verify takes languages, shares and sizes from the manifest", ("corpus", "text_column")
        refuse_unused(self.args, [add_corpus, add_calibration], why, used)

        from ..calibration.calibration_set import Manifest
        from ..calibration.rebuild import rebuild
        from ..calibration.tokenization import load_tokenizer

        manifest = Manifest.load(self.args.verify)
        corpus = self._corpus_of(manifest.corpus)
        result = rebuild(manifest, corpus, load_tokenizer(None, self.args.model))
        if result.identical:
            print(f"identical: {len(result.rebuilt)} rows, fingerprint {manifest.fingerprint[:16]}")
            return
        places = result.different_rows
        shown = ", ".join(map(str, places[:10])) + (" ..." if len(places) > 10 else "")
        print(f"different: {len(places)} of {len(result.rebuilt)} rows are not those of the manifest: {shown}")
        sys.exit(1)

    def _corpus_of(self, described: dict[str, Any]) -> Any:
        """The corpus to read again: of a dataset of the catalogue the commit in the manifest, else the one that is given."""
        from ..corpora import open_corpus
        from ..corpora.catalog import load_catalog

        of_catalog = described["kind"] == "hub" and described["name"] in load_catalog()
        if of_catalog and self.args.corpus in ("embedded", described["name"]):
            from ..corpora.hub import HubCorpus

            return HubCorpus.from_description(described)
        if described["kind"] not in ("embedded", "nonsense") and self.args.corpus == "embedded":
            raise ConfigError(
                f"The set was built from a corpus of kind {described['kind']!r}; give the same one as --corpus to "
                "read it again."
            )
        return open_corpus(self.args.corpus, self.args.text_column)


def _identified(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    if found["as_filed"] is None:
        return f"not known to {found['identifier']}"
    others = ", ".join(f"{count} {other}" for other, count in found["others"].items())
    return f"{found['as_filed']} of {found['rows']}" + (f" (also {others})" if others else "")


def _max_length(model: str) -> int | None:
    from ..model_checks import load_config, longest_sequence

    try:
        config = load_config(model)
    except (OSError, ModelError):
        return None  # A folder with a tokenizer only; the length is checked again when a model is quantized.
    return longest_sequence(config)
