"""`optimum-cli multilingual languages`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Collection

from optimum.commands.base import BaseOptimumCLICommand

from ..errors import ConfigError, LanguageError
from ..languages import Language
from .arguments import describe, run_or_exit
from .language_tables import show_fertility, show_languages, show_presets, show_source

EXAMPLES = """\
  optimum-cli multilingual languages
  optimum-cli multilingual languages --search chin
  optimum-cli multilingual languages --presets
  optimum-cli multilingual languages --preset eu-24 --corpus my_texts/
  optimum-cli multilingual languages --corpus fineweb2
  optimum-cli multilingual languages --tokenizer examples/tiny-multilingual-lm
"""


class LanguagesCommand(BaseOptimumCLICommand):
    """Lists languages of a corpus, of a search or of a preset, with what a tokenizer needs for them."""

    @staticmethod
    def parse_args(parser: ArgumentParser) -> None:
        describe(parser, "Lists languages: those of a corpus, of a search, or of a preset.", EXAMPLES)
        parser.add_argument(
            "--corpus",
            default="embedded",
            help="'embedded', a name that `multilingual corpora` lists, or a folder (default: embedded)",
        )
        parser.add_argument("--text-column", default="text", help="key or column with the text (default: text)")
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--search", metavar="TEXT", help="part of a name or code; searches over a thousand languages"
        )
        which.add_argument("--presets", action="store_true", help="the lists of languages that have a name")
        which.add_argument("--preset", metavar="NAME", help="the languages of one list")
        parser.add_argument(
            "--tokenizer",
            metavar="NAME_OR_FOLDER",
            help="tokens it needs for each language's text in the corpus, the most first",
        )

    def run(self) -> None:
        run_or_exit(self._run)

    def _run(self) -> None:
        if self.args.presets:
            show_presets(self.args.tokenizer)
            return

        from ..corpora import open_corpus

        corpus = open_corpus(self.args.corpus, self.args.text_column)
        languages = self._chosen(corpus.languages())
        if self.args.preset is not None:
            show_source(self.args.preset)
        if self.args.tokenizer is None:
            show_languages(languages, corpus.languages())
        else:
            show_fertility(corpus, languages, self.args.tokenizer)

    def _chosen(self, held: Collection[Language]) -> list[Language]:
        """The languages asked for: a preset's in its own order, others sorted by name."""
        if self.args.preset is not None:
            return _of_preset(self.args.preset)
        found = set(held) if self.args.search is None else _search(self.args.search, held)
        return sorted(found, key=lambda language: language.name)


def _of_preset(name: str) -> list[Language]:
    from ..languages import find_language
    from ..presets import AUTO, find_preset

    if name == AUTO:
        raise ConfigError(
            f"The preset {AUTO!r} is another list for every model, that on its card; to see one, read the model's card, "
            "or name another preset."
        )
    return [find_language(code) for code in find_preset(name).languages]


def _search(text: str, held: Collection[Language]) -> set[Language]:
    from ..known_languages import known_tags
    from ..languages import DOMAINS, find_language

    known = {*held, *map(find_language, (*known_tags(), *DOMAINS))}
    found = {language for language in known if text.casefold() in _names(language)}
    if not found:
        raise LanguageError(
            f"No language has {text!r} in its code or its name; try a shorter part of it. Languages not listed here are "
            "written as code and script, such as ojb_Latn."
        )
    return found


def _names(language: Language) -> str:
    from ..language_names import native_name

    native = "" if language.is_domain else native_name(language.code, language.script)
    return f"{language.tag} {language.short} {language.name} {native}".casefold()
