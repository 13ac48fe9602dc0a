"""Copies of a text are found, exact and near ones, and different texts are not taken for copies."""

import random

import pytest

from optimum_multilingual.corpora import Document
from optimum_multilingual.corpora.duplicates import DuplicateFilter, sketch_of
from optimum_multilingual.corpora.embedded import EmbeddedCorpus
from optimum_multilingual.languages import find_language

LANGUAGES = ["en", "sw", "zh", "am", "hi"]


def document(text):
    return Document.from_text("any", text)


def paragraphs(language):
    return [entry.text for entry in EmbeddedCorpus().documents(find_language(language))]


def long_text(language, seed, count=12):
    return "\n".join(random.Random(seed).sample(paragraphs(language), count))


def with_a_few_words_changed(text, seed):
    pieces, generator = list(text), random.Random(seed)
    for _ in range(max(1, len(pieces) // 300)):
        pieces[generator.randrange(len(pieces))] = "x"
    return "".join(pieces)


@pytest.mark.parametrize("language", LANGUAGES)
def test_different_texts_are_no_copies(language):
    seen = DuplicateFilter()
    assert not any(seen.is_duplicate(document(text)) for text in paragraphs(language))


@pytest.mark.parametrize("text", ["short", "x" * 500, "Habari za asubuhi. " * 50])
def test_an_equal_text_is_a_copy(text):
    seen = DuplicateFilter()
    assert [seen.is_duplicate(document(text)) for _ in range(3)] == [False, True, True]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_with_a_few_letters_changed_is_a_copy(language):
    seen = DuplicateFilter()
    texts = [long_text(language, seed, count=3) for seed in range(20)]
    for text in texts:
        seen.is_duplicate(document(text))
    found = [seen.is_duplicate(document(with_a_few_words_changed(text, seed))) for seed, text in enumerate(texts)]
    assert sum(found) >= 19


def chat(system, *contents):
    said = [{"role": role, "content": content} for role, content in zip(("user", "assistant"), contents, strict=True)]
    return Document.from_value("any", [{"role": "system", "content": system}, *said])


def test_different_chats_with_one_system_message_are_no_copies():
    seen, system, texts = DuplicateFilter(), long_text("en", 0, count=40), paragraphs("en")
    assert not any(seen.is_duplicate(chat(system, *texts[n : n + 2])) for n in range(50, 70, 2))


def test_short_chats_with_one_long_system_message_are_copies_only_where_they_are_equal():
    seen, system = DuplicateFilter(), long_text("en", 0, count=40)
    names = ("Ada", "Ben", "Ada")
    assert [seen.is_duplicate(chat(system, f"I am {name}.", "Welcome.")) for name in names] == [False, False, True]


def test_a_chat_that_says_nearly_the_same_is_a_copy():
    seen, question, answer = DuplicateFilter(), long_text("sw", 1, count=3), long_text("sw", 2, count=3)
    seen.is_duplicate(chat("Answer briefly.", question, answer))
    assert seen.is_duplicate(chat("Answer at length.", question, with_a_few_words_changed(answer, 0)))


def test_white_space_and_case_make_no_difference():
    seen = DuplicateFilter()
    text = long_text("en", 0)
    seen.is_duplicate(document(text))
    assert seen.is_duplicate(document(text.upper().replace(" ", "\n")))


def test_texts_that_share_half_of_their_content_are_no_copies():
    seen = DuplicateFilter()
    texts = paragraphs("en")
    seen.is_duplicate(document("\n".join(texts[:12])))
    assert not seen.is_duplicate(document("\n".join([*texts[:6], *texts[50:56]])))


def test_short_texts_of_one_pattern_are_no_copies():
    seen = DuplicateFilter()
    assert not any(seen.is_duplicate(document(f"My name is {name} and I am well.")) for name in ("Ada", "Ben", "Cho"))


def test_long_texts_are_sampled_the_same_way_in_a_copy():
    text = long_text("en", 1, count=40)
    shifted = "A new first line.\n" + text
    assert (sketch_of(text) == sketch_of(shifted)).mean() > 0.9


def test_a_sketch_does_not_depend_on_the_machine():
    sketch = sketch_of("The quick brown fox jumps over the lazy dog. " * 5)
    expected = [285733425366318202, 6010123719342429985, 14015071750111374516, 18414574568757828810]
    assert sketch[[0, 20, 40, 63]].tolist() == expected
