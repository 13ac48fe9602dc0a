"""Of a long document the first part is measured, and its bytes are those of that part."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers

from optimum_multilingual import EvaluationConfig, evaluate_checkpoints
from optimum_multilingual.calibration.encoding import TextEncoder
from optimum_multilingual.calibration.source import TextSource
from optimum_multilingual.corpora import Document, open_corpus
from optimum_multilingual.evaluation.document_cut import first_part
from optimum_multilingual.evaluation.held_out import hold_out
from optimum_multilingual.languages import find_language

SWAHILI = find_language("sw")


def book(number: int, lines: int = 200) -> str:
    return "\n".join(f"Mto {number} ulijaa mwaka wa {n} — 漢字😀 na hakuna aliyevuka." for n in range(lines))


def encoded(tokenizer, text):
    return next(TextEncoder(tokenizer, separator="").tokenize([Document.from_text("it", text)]))


@given(text=st.text(min_size=1, max_size=60), most=st.integers(4, 40))
def test_tokens_bytes_and_characters_are_of_the_same_part_of_the_text(tokenizer, text, most):
    text = Document.from_text("it", text).text
    document = encoded(tokenizer, text)

    part = first_part(document, tokenizer, most)

    if len(document.tokens) <= most:
        assert part is document
        return
    assert most - 3 <= len(part.tokens) <= most and part.tokens == document.tokens[: len(part.tokens)]
    measured = text.encode()[: part.num_bytes].decode()  # and so no character was cut
    assert tokenizer.decode(part.tokens) == measured
    assert part.num_characters == len(measured)


def test_a_tokenizer_that_loses_text_has_its_bytes_spread_evenly(word_tokenizer):
    tokenizer = word_tokenizer("ab", bos_token="<s>")
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("x", "")
    document = encoded(tokenizer, "axb " * 100)

    part = first_part(document, tokenizer, 25)

    assert len(part.tokens) == 25
    assert part.num_bytes == part.num_characters == pytest.approx(100, abs=1)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_part_has_at_least_one_token_and_one_byte(tokenizer, most):
    part = first_part(encoded(tokenizer, "ꦲꦏ" * 20), tokenizer, most)

    assert 1 <= len(part.tokens) <= most and part.num_bytes >= 1 and part.num_characters >= 1


def held_out(tokenizer, texts, tokens_per_language):
    settings = EvaluationConfig(tokens_per_language=tokens_per_language)
    source = TextSource(open_corpus({"sw": texts}), None, 0, TextEncoder(tokenizer, separator=""), False)
    return hold_out(source, (SWAHILI,), tokenizer, settings)[SWAHILI]


def test_books_are_measured_on_at_most_eight_times_what_was_asked(tokenizer):
    books = held_out(tokenizer, [book(n) for n in range(12)], 300)

    assert len(books) == 8 and all(297 <= len(document.tokens) <= 300 for document in books)


def test_short_documents_beside_a_long_one_stay_as_they_were(tokenizer):
    lines = [f"Mto ulijaa mwaka wa {n}." for n in range(20)]
    alone = {document.id: document for document in held_out(tokenizer, lines, 10_000)}
    beside = {document.id: document for document in held_out(tokenizer, [*lines, book(0)], 10_000)}

    assert len(beside) == 21
    for id, document in alone.items():
        assert np.array_equal(beside[id].tokens, document.tokens)
        assert (beside[id].num_bytes, beside[id].num_characters) == (document.num_bytes, document.num_characters)


def test_bits_per_byte_are_those_of_the_cut_text_given_as_it_is(tiny_model_path, tokenizer):
    lines = [document.text for document in open_corpus("embedded").documents(SWAHILI)]
    books = [" ".join(lines[start : start + 6]) for start in range(0, 48, 6)]
    parts = [tokenizer.decode(document.tokens) for document in held_out(tokenizer, books, 200)]

    def score(texts):
        evaluation = EvaluationConfig(corpus={"sw": texts}, tokens_per_language=200, bootstrap_draws=100)
        return evaluate_checkpoints(tiny_model_path, tiny_model_path, ["sw"], evaluation=evaluation)["sw"]

    cut, given_cut = score(books), score(parts)
    assert cut.num_bytes == given_cut.num_bytes == sum(len(part.encode()) for part in parts)
    assert cut.reference.bits_per_byte == pytest.approx(given_cut.reference.bits_per_byte, rel=0.02)
