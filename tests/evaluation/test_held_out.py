"""Evaluation text is held out from calibration, and every token of it is scored exactly once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.calibration.encoding import TextEncoder
from optimum_multilingual.calibration.source import TextSource
from optimum_multilingual.corpora import Document, open_corpus
from optimum_multilingual.corpora.embedded import EmbeddedCorpus
from optimum_multilingual.errors import CorpusError, CorpusExhaustedError, OverlapError, TokenizerError
from optimum_multilingual.evaluation.held_out import HeldOutDocument, cut_windows, first_token, hold_out
from optimum_multilingual.languages import find_language

ENGLISH, SWAHILI = find_language("en"), find_language("sw")
DOCUMENTS = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def lines(number: int, start: int = 0) -> list[str]:
    return [f"Mto ulijaa mwaka wa {n}, na hakuna aliyevuka." for n in range(start, start + number)]


def held_out(
    tokenizer, texts, part=None, calibration=None, languages=(SWAHILI,), deduplicate=False, passed=0, **settings
):
    settings = EvaluationConfig(**settings)
    encoder = TextEncoder(tokenizer, separator="")
    source = TextSource(open_corpus(texts), part, settings.seed, encoder, deduplicate)
    return hold_out(
        source, languages, tokenizer, settings, () if calibration is None else (calibration,), {SWAHILI: passed}
    )


def calibrated_on(texts, tokenizer, **settings):
    config = MultilingualCalibrationConfig(languages=["sw"], corpus=texts, sequence_length=16, **settings)
    return build_calibration_set(config, tokenizer).manifest


def documents_of(*lengths: int) -> list[HeldOutDocument]:
    """Documents whose tokens count on, so that each token of all is another number."""
    ends = np.cumsum(lengths)
    tokens = [np.arange(end - length + 1, end + 1, dtype=np.int32) for end, length in zip(ends, lengths)]
    return [HeldOutDocument(str(n), of_it, 4 * len(of_it), 3 * len(of_it)) for n, of_it in enumerate(tokens)]


def rolling_token_windows(token_list, prefix_token, max_seq_len, context_len):
    """Written after the description of lm-evaluation-harness: (input tokens, predicted tokens) of each window."""
    predicted = 0
    while predicted < len(token_list):
        longest = max_seq_len if predicted == 0 else max_seq_len - context_len + 1
        end = min(predicted + longest, len(token_list))
        with_prefix = [prefix_token, *token_list]
        yield with_prefix[max(0, end - max_seq_len) : end], token_list[predicted:end]
        predicted = end


def test_the_drawing_in_the_docstring_is_true():
    first, second = cut_windows(documents_of(5), prefix=0, max_length=3)

    assert (first.input_ids.tolist(), first.targets.tolist()) == ([0, 1, 2], [1, 2, 3])
    assert (second.input_ids.tolist(), second.targets.tolist()) == ([2, 3, 4], [4, 5])


@given(lengths=DOCUMENTS, max_length=st.integers(1, 20), data=st.data())
def test_every_token_is_scored_exactly_once(lengths, max_length, data):
    stride = data.draw(st.none() | st.integers(1, max_length))

    windows = cut_windows(documents_of(*lengths), 0, max_length, stride)

    assert np.concatenate([window.targets for window in windows]).tolist() == list(range(1, sum(lengths) + 1))


@given(lengths=DOCUMENTS, max_length=st.integers(1, 20))
def test_every_token_is_scored_behind_the_tokens_before_it_in_its_document(lengths, max_length):
    documents = documents_of(*lengths)

    for window in cut_windows(documents, prefix=0, max_length=max_length):
        followed_by = [*window.input_ids[1:].tolist(), window.targets[-1]]
        assert followed_by[-len(window.targets) :] == window.targets.tolist()
        first = documents[window.document].tokens[0]
        assert window.input_ids[0] in (0, *range(first, window.targets[0]))
        assert len(window.input_ids) <= max_length


@given(lengths=DOCUMENTS, max_length=st.integers(1, 20), data=st.data())
def test_windows_are_those_of_lm_evaluation_harness(lengths, max_length, data):
    documents, stride = documents_of(*lengths), data.draw(st.integers(1, max_length))
    expected = [
        (place, inputs, predicted)
        for place, document in enumerate(documents)
        for inputs, predicted in rolling_token_windows(document.tokens.tolist(), 0, max_length, max_length - stride + 1)
    ]

    windows = cut_windows(documents, 0, max_length, stride)

    assert [(w.document, w.input_ids.tolist(), w.targets.tolist()) for w in windows] == expected


@pytest.mark.parametrize(
    ("special", "expected"),
    [
        ({"bos_token": "<s>", "eos_token": "</s>"}, "<s>"),
        ({"bos_token": "<s>"}, "<s>"),
        ({"eos_token": "</s>"}, "</s>"),
    ],
)
def test_documents_are_scored_after_the_first_token_of_a_sequence_or_else_the_last(word_tokenizer, special, expected):
    tokenizer = word_tokenizer("a", **special)

    assert first_token(tokenizer) == tokenizer.convert_tokens_to_ids(expected)


def test_a_tokenizer_with_neither_first_nor_last_token_is_refused(word_tokenizer):
    with pytest.raises(TokenizerError, match=r"no token that begins or ends a sequence.*set tokenizer\.bos_token"):
        first_token(word_tokenizer("a"))


def test_documents_hold_their_tokens_without_special_ones_and_their_bytes(tokenizer):
    texts = [f"{line} — été {n}" for n, line in enumerate(lines(10))]
    [documents] = held_out(tokenizer, {"sw": texts}).values()

    by_id = {document.id: document for document in documents}
    for number, text in enumerate(texts, start=1):
        document = by_id[f"memory/swh_Latn/{number}"]
        assert document.tokens.tolist() == tokenizer.encode(text, add_special_tokens=False)
        assert document.num_bytes == len(text.encode())
    assert len(documents) == 10


def test_a_text_that_comes_twice_is_measured_once(tokenizer):
    texts = list(EmbeddedCorpus().documents(SWAHILI))[:12]
    twice = {"sw": [document.text for document in (*texts, *texts[:5])]}

    assert len(held_out(tokenizer, twice, deduplicate=True)[SWAHILI]) == 12
    assert len(held_out(tokenizer, twice)[SWAHILI]) == 17


class OneIdForAll:
    """A corpus of a user's own that gives all its documents the same id."""

    def languages(self):
        return (SWAHILI,)

    def documents(self, language):
        return (Document.from_text("scraped", "maji " * n) for n in range(1, 11))

    def describe(self):
        return {"kind": "own"}


def test_documents_of_the_same_id_keep_their_own_bytes(tokenizer):
    [documents] = held_out(tokenizer, OneIdForAll()).values()

    assert sorted(document.num_bytes for document in documents) == [5 * n - 1 for n in range(1, 11)]


def test_documents_are_drawn_until_there_are_enough_tokens(tokenizer):
    [documents] = held_out(tokenizer, {"sw": lines(500)}, tokens_per_language=1000).values()

    sizes = [len(document.tokens) for document in documents]
    assert sum(sizes) >= 1000 > sum(sizes[:-1])


def test_never_fewer_than_eight_documents_are_drawn(tokenizer):
    [documents] = held_out(tokenizer, {"sw": lines(500)}, tokens_per_language=1).values()

    assert len(documents) == 8


def test_a_corpus_with_less_text_is_measured_whole(tokenizer):
    [documents] = held_out(tokenizer, {"sw": lines(9)}, tokens_per_language=10**6).values()

    assert len(documents) == 9


def test_the_seed_alone_decides_which_documents_are_drawn(tokenizer):
    def ids(seed):
        [documents] = held_out(tokenizer, {"sw": lines(500)}, tokens_per_language=500, seed=seed).values()
        return [document.id for document in documents]

    assert ids(1) == ids(1)
    assert ids(1) != ids(2)


def test_fewer_than_eight_documents_are_refused_with_their_number(tokenizer):
    with pytest.raises(CorpusExhaustedError, match=r"Swahili \(swh_Latn\).*: 7 documents found, 8 needed") as info:
        held_out(tokenizer, {"sw": lines(7)})
    assert "evaluation.corpus=" in str(info.value)

    assert len(held_out(tokenizer, {"sw": lines(8)})[SWAHILI]) == 8


def test_a_language_the_corpus_lacks_is_refused(tokenizer):
    with pytest.raises(CorpusError, match=r"has no English \(eng_Latn\)"):
        held_out(tokenizer, {"sw": lines(10)}, languages=(SWAHILI, ENGLISH))


def test_a_text_that_was_calibrated_on_is_found_by_its_content_and_both_ids_are_named(tokenizer):
    calibrated = lines(60)
    manifest = calibrated_on({"sw": calibrated}, tokenizer, num_rows=20)
    place = next(iter(manifest.documents["swh_Latn"].values()))
    text = calibrated[int(place.rpartition("/")[2]) - 1]

    with pytest.raises(OverlapError, match="have the same content") as info:
        held_out(tokenizer, {"sw": [*lines(10, start=1000), f"  {text}\n"]}, calibration=manifest)
    assert f"memory/swh_Latn/11 of Swahili is also calibration text ({place})" in str(info.value)


def test_a_text_that_was_calibrated_on_under_another_language_is_found_too(tokenizer):
    manifest = calibrated_on({"sw": lines(60)}, tokenizer, num_rows=20)

    with pytest.raises(OverlapError):
        held_out(tokenizer, {"en": lines(60)}, calibration=manifest, languages=(ENGLISH,))


def test_parts_of_one_corpus_never_overlap(tokenizer):
    texts = {"sw": lines(200)}
    manifest = calibrated_on(texts, tokenizer, num_rows=100)

    [documents] = held_out(tokenizer, texts, "evaluation", calibration=manifest, tokens_per_language=10**6).values()

    assert not {document.id for document in documents} & set(manifest.documents["swh_Latn"].values())


def test_texts_of_no_token_are_left_out(word_tokenizer):
    # This tokenizer gives no token for a zero-width space, which is no blank to Python either.
    tokenizer = word_tokenizer("a", bos_token="<s>")
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("\u200b", "")

    [documents] = held_out(tokenizer, {"sw": ["\u200b", *("a " * n for n in range(1, 9))]}).values()

    assert sorted(len(document.tokens) for document in documents) == list(range(1, 9))


def test_a_tokenizer_that_cannot_write_the_language_is_refused(word_tokenizer):
    with pytest.raises(TokenizerError, match="cannot encode Swahili"):
        held_out(word_tokenizer("river", bos_token="<s>"), {"sw": lines(10)})


def test_documents_that_are_passed_over_are_those_drawn_first(tokenizer):
    texts = {"sw": ["", *lines(19), ""]}
    whole = held_out(tokenizer, texts, tokens_per_language=10_000)[SWAHILI]
    rest = held_out(tokenizer, texts, tokens_per_language=10_000, passed=9)[SWAHILI]

    assert len(whole) == 19 and [each.id for each in rest] == [each.id for each in whole[9:]]
    with pytest.raises(CorpusExhaustedError, match="7 documents found beside the 12 that are measured on, 8 needed"):
        held_out(tokenizer, texts, passed=12)
