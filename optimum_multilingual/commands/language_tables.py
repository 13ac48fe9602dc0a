"""The tables that `optimum-cli multilingual languages` prints."""

from __future__ import annotations

from collections.abc import Collection

from ..corpora import Corpus
from ..errors import ConfigError
from ..languages import Language


def show_presets(tokenizer: str | None) -> None:
    """All presets: name, number of languages, what they are."""
    from ..presets import presets

    if tokenizer is not None:
        raise ConfigError("--tokenizer measures languages, and --presets lists none; choose one with --preset NAME.")
    width = max(map(len, presets()))
    print(f"{'name':{width}} {'languages':>9}  what it is")
    for preset in presets().values():
        print(f"{preset.name:{width}} {len(preset.languages):9}  {preset.title}")
    print(f"{'auto':{width}} {'-':>9}  The languages on the card of the model")


def show_source(name: str) -> None:
    """Where the list of a preset was published."""
    from ..presets import find_preset

    preset = find_preset(name)
    print(f"{preset.title}.\nSource: {preset.source}\n")


def show_languages(languages: list[Language], held: Collection[Language]) -> None:
    """Languages, and whether a corpus holds them."""
    print(f"{'tag':10} {'short':10} {'in corpus':10} name")
    for language in languages:
        print(f"{language.tag:10} {language.short:10} {'yes' if language in held else '-':10} {language.name}")


def show_fertility(corpus: Corpus, languages: list[Language], name: str) -> None:
    """What a tokenizer needs for each language's text, the most first."""
    from ..calibration.fertility import measure_fertility
    from ..calibration.tokenization import load_tokenizer

    tokenizer, held = load_tokenizer(name, name), corpus.languages()
    english = _english_of_parallel(corpus)
    against = measure_fertility(corpus, english, tokenizer)
    measured = measure_fertility(corpus, [language for language in languages if language in held], tokenizer)
    rows = [(each.relative_to(against[0]) if against else each.tokens_per_byte, each) for each in measured]
    print(f"{'tag':10} {'tokens/byte':>11} {'tokens/char':>11} {'x English':>9} {'unknown':>8}  name")
    for most, each in sorted(rows, key=lambda row: (-row[0], row[1].language)):
        print(
            f"{each.language.tag:10} {each.tokens_per_byte:11.3f} {each.tokens_per_character:11.3f} "
            f"{format(most, '.2f') if against else '-':>9} {each.unknown_share:8.1%}  {each.language.name}"
        )
    lacking = [language.tag for language in languages if language not in held]
    if lacking:
        print(f"\nNot in the corpus, so not measured: {', '.join(lacking)}")


def _english_of_parallel(corpus: Corpus) -> list[Language]:
    """English, where a corpus says the same in every language, which only the embedded one does."""
    from ..corpora.embedded import EmbeddedCorpus
    from ..languages import find_language

    return [find_language("en")] if isinstance(corpus, EmbeddedCorpus) else []
