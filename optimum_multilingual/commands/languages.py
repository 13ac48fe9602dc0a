"""`optimum-cli multilingual languages`."""

from __future__ import annotations

from argparse import ArgumentParser

from optimum.commands.base import BaseOptimumCLICommand

from .arguments import describe, run_or_exit

EXAMPLES = """\
  optimum-cli multilingual languages
  optimum-cli multilingual languages --search chin
  optimum-cli multilingual languages --corpus my_texts/
"""


class LanguagesCommand(BaseOptimumCLICommand):
    """Lists the languages of a corpus, or searches all that have a two-letter code."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        describe(parser, "Lists the languages of a corpus, or searches languages by name or code.", EXAMPLES)
        parser.add_argument("--corpus", default="embedded", help="'embedded' or a folder (default: embedded)")
        parser.add_argument("--search", metavar="TEXT", help="part of a name or code; searches beyond the corpus")

    def run(self) -> None:
        run_or_exit(self._run)

    def _run(self) -> None:
        from ..corpora import open_corpus
        from ..languages import find_language, two_letter_codes

        held = open_corpus(self.args.corpus).languages()
        if self.args.search is None:
            languages = set(held)
        else:
            text = self.args.search.casefold()
            known = {*held, *map(find_language, two_letter_codes())}
            languages = {
                language for language in known if text in f"{language.tag} {language.short} {language.name}".casefold()
            }
        print(f"{'tag':10} {'short':8} {'in corpus':10} name")
        for language in sorted(languages, key=lambda language: language.name):
            print(f"{language.tag:10} {language.short:8} {'yes' if language in held else '-':10} {language.name}")
