"""Codes and tags of languages, read through langcodes into an ISO 639-3 code and an ISO 15924 script."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib import resources

import langcodes
from langcodes.data_dicts import LIKELY_SUBTAGS

from .flores import only_scripts

# A macrolanguage code stands for several languages; corpora and FLORES store the one named here.
INDIVIDUAL_OF_MACROLANGUAGE = {
    "ara": "arb", "aym": "ayr", "aze": "azj", "chm": "mhr", "din": "dik", "est": "ekk", "fas": "pes", "grn": "gug",
    "kau": "knc", "kur": "kmr", "lav": "lvs", "mlg": "plt", "mon": "khk", "msa": "zsm", "nep": "npi", "nor": "nob",
    "ori": "ory", "orm": "gaz", "pus": "pbt", "que": "quy", "sqi": "als", "swa": "swh", "uzb": "uzn", "yid": "ydd",
    "zho": "cmn",
}  # fmt: skip
MACROLANGUAGE_OF = {individual: macro for macro, individual in INDIVIDUAL_OF_MACROLANGUAGE.items()}

# Languages of their own, in ISO 639-3 and in FLORES, that CLDR writes as a region of another (Dari as Persian of
# Afghanistan), and what CLDR writes. It takes Tagalog for Filipino, which FLORES has beside it.
APART_FROM_CLDR = {"prs": "fa-AF", "swc": "sw-CD", "cnr": "sr-ME", "tgl": "tl"}
CODE_OF_REGION = {("fas", "AF"): "prs", ("swa", "CD"): "swc"}

# CLDR names the mixed Korean script, and Nastaliq apart; corpora and FLORES name the script the letters are from.
CORPUS_SCRIPT = {"Kore": "Hang", "Aran": "Arab"}

# Scripts that the release of CLDR inside langcodes does not know: two that later releases have, and Arabic dialects
# that corpora hold.
SCRIPT_MISSING_IN_CLDR = {"ile": "Latn", "oji": "Cans", "uzs": "Arab"} | dict.fromkeys(
    ("abv", "acw", "acx", "aec", "afb", "ayh", "ayl", "ayn"), "Arab"
)

# Codes of ISO 15924 that are no script: inherited, mathematical, emoji, symbols, unwritten, common, unknown.
NO_SCRIPT = {"Zinh", "Zmth", "Zsye", "Zsym", "Zxxx", "Zyyy", "Zzzz"}

# ISO 639 sets these valid codes apart for "undetermined", "multiple", "no linguistic content" and private use.
NAMES_NO_LANGUAGE = re.compile("und|mul|zxx|mis|q[a-t][a-z]|x-.*")


def read_tag(text: str) -> langcodes.Language | None:
    """Reads a code or tag, whatever standard it is from; None for text that is no valid tag of a language.

    >>> read_tag("fre").to_alpha3(), read_tag("prs_Arab").to_alpha3(), read_tag("ar-arz").to_alpha3()
    ('fra', 'prs', 'arz')
    """
    tag = text.replace("_", "-")
    try:
        parsed = langcodes.Language.get(tag)
        as_written = langcodes.Language.get(tag, normalize=False)
        if as_written.language in APART_FROM_CLDR or as_written.language == "tl":
            parsed = as_written
        if (
            parsed.extlangs and parsed.is_valid()
        ):  # The old way to name a language inside another, such as ar-arz or zh-yue.
            parsed = langcodes.Language.make(parsed.extlangs[0], script=parsed.script)
        if not _names_a_language(parsed):
            return None
        parsed.to_alpha3()
    except (langcodes.LanguageTagError, LookupError):
        return None
    return parsed


def _names_a_language(parsed: langcodes.Language) -> bool:
    if parsed.language is None or NAMES_NO_LANGUAGE.fullmatch(parsed.language) or parsed.script in NO_SCRIPT:
        return False
    # CLDR retired "tgl" for "fil", so langcodes calls it invalid; ISO 639-3 has it.
    return parsed.is_valid() or parsed.language == "tgl"


def code_and_script(parsed: langcodes.Language) -> tuple[str, str | None]:
    """The ISO 639-3 code of the individual language, and the script; None where nothing says which it is."""
    code = parsed.to_alpha3()
    code = CODE_OF_REGION.get((code, parsed.territory or ""), code)
    individual = INDIVIDUAL_OF_MACROLANGUAGE.get(code, code)
    script = parsed.script or _script_in_cldr(parsed) or likely_script(individual)
    return individual, None if script is None else CORPUS_SCRIPT.get(script, script)


@lru_cache(maxsize=16_384)
def likely_script(code: str) -> str | None:
    """The script a language is most likely written in; None where neither CLDR nor FLORES says it.

        >>> likely_script("swh"), likely_script("acm"), likely_script("aaa")
        ('Latn', 'Arab', None)

    Source: CLDR through langcodes, FLORES where it has the language in one script only.
    """
    script = _script_in_cldr(shortest(code)) or only_scripts().get(code) or SCRIPT_MISSING_IN_CLDR.get(code)
    return None if script is None else CORPUS_SCRIPT.get(script, script)


def _script_in_cldr(parsed: langcodes.Language) -> str | None:
    in_cldr = APART_FROM_CLDR.get(parsed.language or "")
    known = parsed if in_cldr is None else langcodes.Language.get(in_cldr, normalize=False)
    for tag in known.broader_tags():
        # langcodes goes on to "und", the likeliest language of all, and would make every rare language Latin.
        if tag.startswith("und"):
            return None
        if tag in LIKELY_SUBTAGS:
            return langcodes.Language.get(LIKELY_SUBTAGS[tag], normalize=False).script
    return None


def shortest(code: str) -> langcodes.Language:
    """The shortest BCP-47 tag that means a language, as langcodes has it: `sw` for `swh`, `zh` for `cmn`."""
    if code in APART_FROM_CLDR:
        return langcodes.Language.get("tl" if code == "tgl" else code, normalize=False)
    return langcodes.Language.get(MACROLANGUAGE_OF.get(code, code))


@lru_cache(maxsize=1)
def groups() -> frozenset[str]:
    """The codes of families and other groups of languages, such as `cel` and `sgn`.

    Source: ISO 639-5, as marked in the registry of subtags that comes with langcodes.
    """
    path = resources.files("optimum_multilingual").joinpath("data", "language_groups.json")
    return frozenset(json.loads(path.read_text(encoding="utf-8"))["codes"])
