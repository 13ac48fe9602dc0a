"""The embedded corpus is whole, parallel, and what its names say."""

import re
import unicodedata
from statistics import median

import pytest

from optimum_multilingual.corpora.embedded import EmbeddedCorpus
from optimum_multilingual.languages import find_language, find_languages

SHORT_CODES = [
    "en",
    "fr",
    "es",
    "de",
    "ru",
    "zh",
    "ar",
    "hi",
    "ja",
    "sw",
    "xh",
    "yo",
    "am",
    "pt",
    "tr",
    "vi",
    "ko",
    "id",
]
LANGUAGES = find_languages(SHORT_CODES)
CORPUS = EmbeddedCorpus()
DOCUMENTS = {language: list(CORPUS.documents(language)) for language in CORPUS.languages()}
ENGLISH = find_language("en")

# How the Unicode names of a script's letters begin.
LETTERS = {
    "Latn": ("LATIN",),
    "Cyrl": ("CYRILLIC",),
    "Arab": ("ARABIC",),
    "Deva": ("DEVANAGARI",),
    "Ethi": ("ETHIOPIC",),
    "Hang": ("HANGUL",),
    "Hans": ("CJK",),
    "Jpan": ("HIRAGANA", "KATAKANA", "CJK"),
}

# Words that are common in one language of the corpus.
COMMON_WORD = {
    "en": "the", "fr": "dans", "es": "los", "de": "und", "ru": "что", "ar": "في", "hi": "में", "sw": "kwa", "xh": "yaye",
    "yo": "àwọn", "am": "ነው", "pt": "não", "tr": "bir", "vi": "của", "ko": "수", "id": "yang",
}  # fmt: skip

of_each_language = pytest.mark.parametrize("language", LANGUAGES, ids=str)


def numbers(text):
    """The numbers of three and four digits in a text, whatever their digits and the separators of thousands."""
    digits = "".join(str(unicodedata.digit(letter)) if letter.isdigit() else letter for letter in text)
    joined = re.sub(r"(?<=\d)[.,\s٬](?=\d{3}(?!\d))", "", digits)
    return set(re.findall(r"(?<!\d)\d{3,4}(?!\d)", joined))


def test_every_promised_language_is_there():
    assert set(LANGUAGES) <= set(CORPUS.languages())


@of_each_language
def test_a_language_has_96_non_empty_paragraphs_and_none_twice(language):
    paragraphs = [document.text for document in DOCUMENTS[language]]
    assert len(paragraphs) == len(set(paragraphs)) == 96
    assert all(paragraphs)


@of_each_language
def test_the_stored_text_is_normalised(language):
    stored = [document.text for document in DOCUMENTS[language]]
    assert [text for text in stored if not unicodedata.is_normalized("NFC", text) or text != text.strip()] == []


@of_each_language
def test_ids_are_unique_and_name_no_folder_of_the_machine(language):
    assert [document.id for document in DOCUMENTS[language]] == [f"embedded/{language.tag}/{n}" for n in range(1, 97)]


@of_each_language
def test_every_fourth_paragraph_is_for_evaluation(language):
    places = [place for place, document in enumerate(DOCUMENTS[language], 1) if document.part == "evaluation"]
    assert places == list(range(4, 97, 4))


@of_each_language
def test_each_file_is_written_in_its_own_script(language):
    letters = [letter for document in DOCUMENTS[language] for letter in document.text if letter.isalpha()]
    own = [letter for letter in letters if unicodedata.name(letter).startswith(LETTERS[language.script])]
    assert len(own) / len(letters) > 0.99


@pytest.mark.parametrize(("short", "word"), COMMON_WORD.items())
def test_each_file_is_written_in_its_own_language(short, word):
    holding = {
        language.short
        for language, documents in DOCUMENTS.items()
        if sum(word in re.findall(r"\w[\w\u0300-\u036f\u0900-\u097f]*", document.text) for document in documents) >= 20
    }
    assert holding == {short}


@of_each_language
def test_the_numbers_of_an_english_paragraph_stand_in_its_translation(language):
    pairs = list(zip(DOCUMENTS[ENGLISH], DOCUMENTS[language], strict=True))
    assert sum(bool(numbers(english.text)) for english, _ in pairs) >= 10
    assert {other.id: numbers(english.text) - numbers(other.text) for english, other in pairs} == {
        other.id: set() for _, other in pairs
    }


@of_each_language
def test_a_paragraph_is_about_as_long_as_its_english_one(language):
    pairs = zip(DOCUMENTS[ENGLISH], DOCUMENTS[language], strict=True)
    lengths = [len(other.text) / len(english.text) for english, other in pairs]
    assert [length for length in lengths if not 0.6 < length / median(lengths) < 1.6] == []


def test_english_paragraphs_have_forty_to_sixty_words():
    words = [len(document.text.split()) for document in DOCUMENTS[ENGLISH]]
    assert 40 <= min(words) <= max(words) <= 60


def test_no_text_of_one_language_is_a_text_of_another():
    digests = [document.digest for documents in DOCUMENTS.values() for document in documents]
    assert len(digests) == len(set(digests))


def test_no_text_for_calibration_is_a_text_for_evaluation():
    digests = {"calibration": set(), "evaluation": set()}
    for documents in DOCUMENTS.values():
        for document in documents:
            digests[document.part].add(document.digest)
    assert not digests["calibration"] & digests["evaluation"]


def test_documents_come_in_the_same_order_every_time():
    assert list(EmbeddedCorpus().documents(ENGLISH)) == DOCUMENTS[ENGLISH]


def test_the_corpus_describes_its_licence_and_its_use():
    assert CORPUS.describe() == {"kind": "embedded", "licence": "CC0-1.0", "use": "first runs and tests, not releases"}
