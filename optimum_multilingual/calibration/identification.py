"""Checks by a language identifier that rows are of the language they are filed under. Reports, never drops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tqdm.auto import tqdm

from ..errors import LanguageError, MissingPackageError
from ..languages import find_language
from .calibration_set import Row


def identify_rows(rows: Sequence[Row], tokenizer: Any) -> dict[str, dict[str, Any]]:
    """Guesses the language of every row from its text, with the lingua identifier.

        >>> identify_rows(calibration_set.rows, tokenizer)["swh_Latn"]
        {'identifier': 'lingua', 'rows': 6, 'as_filed': 6, 'others': {}}

    Related languages are taken for each other now and then (Indonesian for Malay, Xhosa for Zulu); a row of which the
    identifier says nothing counts as "unknown".

    Args:
        rows: of a calibration set.
        tokenizer: the tokenizer they were built with.

    Returns:
        For each language tag how many rows were taken for it, and for which others; `as_filed` is None for a language that
        the identifier does not know.

    Raises:
        MissingPackageError: the package lingua-language-detector is not installed.
    """
    try:
        from lingua import LanguageDetectorBuilder
    except ImportError as error:
        raise MissingPackageError(
            "Checking the language of rows needs lingua-language-detector, which is not installed. Run: "
            'pip install "optimum-multilingual[langid]"'
        ) from error
    detector = LanguageDetectorBuilder.from_all_languages().with_low_accuracy_mode().build()
    guesses: dict[str, Counter[str]] = {}
    for row in tqdm(rows, desc="Checking languages", unit="row", disable=None):
        guess = detector.detect_language_of(tokenizer.decode(row.input_ids, skip_special_tokens=True))
        guesses.setdefault(row.language.tag, Counter())[_code(guess)] += 1
    known = _known_codes()
    return {tag: _summary(tag, counts, known) for tag, counts in guesses.items()}


def _summary(tag: str, counts: Counter[str], known: set[str]) -> dict[str, Any]:
    code = tag.split("_")[0]
    others = {other: count for other, count in counts.most_common() if other != code}
    as_filed = counts[code] if code in known else None
    return {"identifier": "lingua", "rows": counts.total(), "as_filed": as_filed, "others": others}


def _known_codes() -> set[str]:
    from lingua import Language as LinguaLanguage

    return {_code(language) for language in LinguaLanguage.all()}


def _code(guess: Any) -> str:
    if guess is None:
        return "unknown"
    code = guess.iso_code_639_3.name.lower()
    try:
        return find_language(code).code
    except LanguageError:
        return code
