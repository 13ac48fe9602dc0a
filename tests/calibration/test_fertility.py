"""Fertility counts tokens, characters and bytes of the same text."""

import pytest

from optimum_multilingual.calibration.fertility import Fertility, measure_fertility
from optimum_multilingual.corpora import open_corpus
from optimum_multilingual.corpora.embedded import EmbeddedCorpus
from optimum_multilingual.errors import CorpusError, CorpusExhaustedError
from optimum_multilingual.languages import find_language, find_languages

EN, SW, ZH = find_languages(["en", "sw", "zh"])


def test_a_tokenizer_of_whole_words_needs_a_token_for_each(word_tokenizer):
    corpus = open_corpus({"sw": ["habari za asubuhi", "habari"], "zh": ["你好 habari"]})
    swahili, chinese = measure_fertility(corpus, [SW, ZH], word_tokenizer("habari za asubuhi"))
    assert swahili == Fertility(SW, documents=2, tokens=4, unknown=0, characters=23, bytes=23)
    assert chinese == Fertility(ZH, documents=1, tokens=2, unknown=1, characters=9, bytes=13)
    assert (swahili.tokens_per_byte, chinese.tokens_per_character) == (4 / 23, 2 / 9)
    assert (swahili.unknown_share, chinese.unknown_share) == (0, 0.5)
    assert swahili.relative_to(chinese) == 2


def test_special_tokens_are_not_counted(word_tokenizer):
    tokenizer = word_tokenizer("habari", bos_token="<s>", eos_token="</s>")
    assert measure_fertility(open_corpus({"sw": ["habari"]}), [SW], tokenizer)[0].tokens == 1


def test_no_more_documents_are_read_than_asked_for(word_tokenizer):
    def endless():
        while True:
            yield "habari"

    class Endless:
        def languages(self):
            return (SW,)

        def documents(self, language):
            from optimum_multilingual.corpora import Document

            return (Document.from_text(str(n), text) for n, text in enumerate(endless()))

        def describe(self):
            return {"kind": "endless"}

    assert measure_fertility(Endless(), [SW], word_tokenizer("habari"), documents=7)[0].tokens == 7


def test_in_a_parallel_corpus_languages_compare_with_english(tokenizer):
    corpus = EmbeddedCorpus()
    measured = {each.language: each for each in measure_fertility(corpus, corpus.languages(), tokenizer)}
    assert {each.documents for each in measured.values()} == {96}
    assert measured[EN].relative_to(measured[EN]) == 1
    assert all(each.relative_to(measured[EN]) > 1 for language, each in measured.items() if language != EN)
    assert measured[find_language("am")].tokens_per_character > 2 * measured[find_language("am")].tokens_per_byte


def test_code_has_a_fertility_like_a_language(word_tokenizer):
    corpus = open_corpus({"code": ["def f ( x )"]})
    assert measure_fertility(corpus, corpus.languages(), word_tokenizer("def"))[0].language == find_language("code")


def test_a_language_the_corpus_lacks_is_refused(tokenizer):
    with pytest.raises(CorpusError, match=r"has no Hebrew \(heb_Hebr\)"):
        measure_fertility(EmbeddedCorpus(), [find_language("he")], tokenizer)


def test_a_language_without_text_is_refused(tokenizer):
    with pytest.raises(CorpusExhaustedError, match=r"no text of Swahili \(swh_Latn\).*leave the language out"):
        measure_fertility(open_corpus({"sw": []}), [SW], tokenizer)
