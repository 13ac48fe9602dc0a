"""Documents become rows of one length, and no token is lost but those that do not fill a last row."""

from __future__ import annotations

from itertools import chain, count, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimum_multilingual.calibration.packing import TokenizedDocument, pack

DOCUMENTS = st.lists(st.lists(st.integers(0, 99), max_size=30), max_size=15)
PREFIXES = st.sampled_from([(), (7,), (7, 8)])


def documents_of(token_lists: list[list[int]]) -> list[TokenizedDocument]:
    return [
        TokenizedDocument(f"id-{n}", f"digest-{n}", tokens, num_bytes=1, num_characters=1)
        for n, tokens in enumerate(token_lists)
    ]


def test_the_drawing_in_the_docstring_is_true():
    rows = list(pack(documents_of([[1] * 5, [2] * 2, [3] * 6]), sequence_length=4, prefix=(0,)))

    assert [row.input_ids.tolist() for row in rows] == [[0, 1, 1, 1], [0, 1, 1, 2], [0, 2, 3, 3], [0, 3, 3, 3]]


@given(token_lists=DOCUMENTS, sequence_length=st.integers(3, 12), prefix=PREFIXES)
def test_rows_hold_the_prefix_and_all_tokens_in_order_but_the_tail(token_lists, sequence_length, prefix):
    rows = list(pack(documents_of(token_lists), sequence_length, prefix))

    texts = list(chain.from_iterable(row.input_ids[len(prefix) :].tolist() for row in rows))
    everything = list(chain.from_iterable(token_lists))
    assert all(len(row.input_ids) == sequence_length for row in rows)
    assert all(tuple(row.input_ids[: len(prefix)].tolist()) == prefix for row in rows)
    assert texts == everything[: len(texts)]
    assert len(everything) - len(texts) < sequence_length - len(prefix)


@given(token_lists=DOCUMENTS, sequence_length=st.integers(3, 12), prefix=PREFIXES)
def test_every_row_names_exactly_the_documents_its_tokens_came_from(token_lists, sequence_length, prefix):
    rows = list(pack(documents_of(token_lists), sequence_length, prefix))

    owners = [f"id-{n}" for n, tokens in enumerate(token_lists) for _ in tokens]
    room = sequence_length - len(prefix)
    for number, row in enumerate(rows):
        expected = dict.fromkeys(owners[number * room : (number + 1) * room])
        assert [id for id, _ in row.documents] == list(expected)
        assert all(digest == id.replace("id", "digest") for id, digest in row.documents)


def test_a_document_longer_than_a_row_is_cut_and_continued():
    rows = list(pack(documents_of([list(range(10))]), sequence_length=4))

    assert [row.input_ids.tolist() for row in rows] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [row.documents for row in rows] == [(("id-0", "digest-0"),)] * 2


def test_only_as_many_documents_are_read_as_the_rows_need():
    read = []
    endless = (read.append(n) or TokenizedDocument(str(n), str(n), [n] * 3, 1, 1) for n in count())

    rows = list(islice(pack(endless, sequence_length=5), 3))

    assert len(rows) == 3
    assert read == [0, 1, 2, 3, 4]


def test_the_documents_that_were_given_are_not_changed():
    documents = documents_of([[1, 2, 3], [4, 5, 6]])

    list(pack(documents, sequence_length=2, prefix=(9,)))

    assert [document.tokens for document in documents] == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("token_lists", [[], [[]], [[1], []], [[1], [2]]])
def test_too_few_tokens_for_one_row_give_none(token_lists):
    assert list(pack(documents_of(token_lists), sequence_length=3)) == []


def test_a_document_of_thousands_of_rows_is_cut_whole():
    novel = TokenizedDocument("novel", "d", list(range(3_000_000)), 1, 1)
    rows = list(pack([novel], 500))
    assert len(rows) == 6000 and rows[-1].input_ids[-1] == 2_999_999
