"""Documents fall into parts by their content; shuffling streams, loses nothing, and depends on the seed alone."""

import unicodedata
from collections import Counter
from itertools import accumulate, islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimum_multilingual.corpora.document import Document, shuffled_documents
from optimum_multilingual.corpora.memory import MappingCorpus
from optimum_multilingual.languages import find_language

SW, EN = find_language("sw"), find_language("en")
ANY_TEXT = st.text(st.characters(), max_size=30)  # halves of surrogate pairs too


class Endless:
    """More texts than anyone here should read, which counts those that were read."""

    def __init__(self):
        self.read = 0

    def __iter__(self):
        while self.read < 1000:
            self.read += 1
            yield f"text {self.read}"
        raise AssertionError("an endless corpus was read to its end")


class Recorded:
    """Texts that are written down as they are read."""

    def __init__(self, texts, read):
        self.texts, self.read = texts, read

    def __iter__(self):
        for text in self.texts:
            self.read.append(text)
            yield text


def corpus_of(count, *languages):
    return MappingCorpus({language: [f"text {number}" for number in range(count)] for language in languages or (SW,)})


def texts(corpus, language=SW, part=None, seed=0, **kwargs):
    return [document.text for document in shuffled_documents(corpus, language, part, seed, **kwargs)]


@given(ANY_TEXT)
def test_equal_texts_fall_into_the_same_part_however_they_are_composed(text):
    forms = [text, f" {text}\n", unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)]
    documents = [Document.from_text(f"any id {place}", form) for place, form in enumerate(forms)]
    assert len({(document.text, document.digest, document.part) for document in documents}) == 1


@given(ANY_TEXT)
def test_every_document_is_stripped_nfc_that_can_be_written_as_utf8(text):
    document = Document.from_text("id", text)
    assert unicodedata.is_normalized("NFC", document.text)
    assert document.text == document.text.strip()
    assert document.text.encode().decode() == document.text
    assert Document.from_text("id", document.text) == document


def test_half_a_surrogate_pair_becomes_a_replacement_character_and_a_whole_one_its_character():
    assert Document.from_text("id", "a\ud83db").text == "a\ufffdb"
    assert Document.from_text("id", "a\ud83d\ude00b").text == "a😀b"


def test_decomposed_text_is_composed():
    assert Document.from_text("id", "Ye\u0301mi\u0301").text == "Yémí"


def test_a_digest_is_sixteen_hexadecimal_digits_that_differ_between_texts():
    digests = [Document.from_text("same id", f"text {number}").digest for number in range(1000)]
    assert len(set(digests)) == 1000
    assert {len(digest) for digest in digests} == {16}
    assert set("".join(digests)) == set("0123456789abcdef")


def test_about_one_document_in_five_is_held_out():
    parts = Counter(Document.from_text("id", f"text {number}").part for number in range(2000))
    assert set(parts) == {"calibration", "evaluation"}
    assert 0.17 < parts["evaluation"] / 2000 < 0.23


@pytest.mark.parametrize("part", ["calibration", "evaluation"])
def test_a_part_that_is_given_stays(part):
    assert {Document.from_text("id", f"text {number}", part).part for number in range(50)} == {part}


def test_the_order_depends_on_the_seed_alone():
    corpus = corpus_of(200)
    assert texts(corpus, seed=3) == texts(corpus, seed=3)
    assert len({tuple(texts(corpus, seed=seed)) for seed in range(10)}) == 10


def test_the_order_is_not_that_of_the_corpus():
    assert texts(corpus_of(200)) != [f"text {number}" for number in range(200)]


@given(count=st.integers(0, 60), buffer_size=st.integers(1, 70), seed=st.integers(0, 99))
def test_shuffling_loses_and_repeats_nothing_whatever_the_buffer(count, buffer_size, seed):
    shuffled = texts(corpus_of(count), seed=seed, buffer_size=buffer_size)
    assert sorted(shuffled) == sorted(f"text {number}" for number in range(count))


def test_a_small_buffer_shuffles_the_whole_stream():
    numbers = [int(text.removeprefix("text ")) for text in texts(corpus_of(200), buffer_size=8)]
    still_neighbours = [first for first, second in pairwise(numbers) if second == first + 1]
    assert len(still_neighbours) < 50


def test_the_two_parts_are_disjoint_and_together_the_whole():
    corpus = corpus_of(500)
    calibration, evaluation = (set(texts(corpus, part=part)) for part in ("calibration", "evaluation"))
    assert calibration
    assert evaluation
    assert not calibration & evaluation
    assert calibration | evaluation == set(texts(corpus))


def test_another_language_in_the_corpus_changes_no_order():
    assert texts(corpus_of(200, SW)) == texts(corpus_of(200, EN, SW))


def test_each_language_has_an_order_of_its_own():
    corpus = corpus_of(200, SW, EN)
    assert texts(corpus, SW) != texts(corpus, EN)


def test_languages_read_in_turns_keep_their_orders():
    corpus = corpus_of(50, SW, EN)
    streams = [shuffled_documents(corpus, language, None, 0) for language in (SW, EN)]
    in_turns = [(first.text, second.text) for first, second in zip(*streams, strict=True)]
    assert in_turns == list(zip(texts(corpus, SW), texts(corpus, EN), strict=True))


@pytest.mark.parametrize("buffer_size", [1, 8, 64])
def test_an_endless_corpus_is_streamed_and_read_no_further_than_the_buffer(buffer_size):
    endless = Endless()
    stream = shuffled_documents(MappingCorpus({SW: endless}), SW, None, 0, buffer_size)
    drawn = [document.text for document in islice(stream, 20)]
    assert len(set(drawn)) == 20
    assert endless.read == 20 + buffer_size


def test_fewer_documents_are_held_where_they_are_long():
    held = [f"{number} " + "x" * (10 if number < 8 else 50) for number in range(100)]
    read = []
    stream = shuffled_documents(MappingCorpus({SW: Recorded(held, read)}), SW, None, 0, 10, buffer_characters=200)
    waiting = [len("".join(read)) - drawn for drawn in accumulate(len(document.text) for document in stream)]
    assert sorted(read) == sorted(held)
    assert max(waiting) <= 200 + max(map(len, held)) and waiting[0] > 200  # With the one that was just read.


def test_a_document_longer_than_the_buffer_is_shuffled_all_the_same():
    corpus = MappingCorpus({SW: [f"{number} " + "x" * 100 for number in range(20)]})
    assert sorted(texts(corpus, buffer_characters=50)) == sorted(texts(corpus))


@given(count=st.integers(0, 60), buffer_size=st.integers(1, 70), seed=st.integers(0, 99))
def test_a_buffer_with_room_for_their_characters_changes_no_order(count, buffer_size, seed):
    corpus = corpus_of(count)
    drawn = texts(corpus, seed=seed, buffer_size=buffer_size)
    assert drawn == texts(corpus, seed=seed, buffer_size=buffer_size, buffer_characters=7 * (buffer_size + 1))


def test_one_part_of_an_endless_corpus_is_streamed():
    stream = shuffled_documents(MappingCorpus({SW: Endless()}), SW, "evaluation", 0, buffer_size=4)
    assert {document.part for document in islice(stream, 20)} == {"evaluation"}


def test_nothing_is_read_before_the_first_document_is_asked_for():
    endless = Endless()
    shuffled_documents(MappingCorpus({SW: endless}), SW, None, 0)
    assert endless.read == 0
