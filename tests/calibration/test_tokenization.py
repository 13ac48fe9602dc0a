"""Tokenizers are found or their absence is explained, and using one leaves no trace in it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from optimum_multilingual.calibration.encoding import TextEncoder
from optimum_multilingual.calibration.tokenization import check_coverage, describe_tokenizer, load_tokenizer
from optimum_multilingual.corpora import Document
from optimum_multilingual.errors import TokenizerError


def documents_of(*texts: str) -> list[Document]:
    return [Document.from_text(f"id-{number}", text) for number, text in enumerate(texts)]


def tokens_of(tokenizer, separator: str, *texts: str) -> list[list[int]]:
    return [document.tokens for document in TextEncoder(tokenizer, separator).tokenize(documents_of(*texts))]


def with_added(path, token: str):
    tokenizer = load_tokenizer(None, str(path))
    tokenizer.chat_template = "{{ bos_token }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    tokenizer.add_tokens([token], special_tokens=True)
    return tokenizer


def test_a_tokenizer_that_is_given_is_used_as_it_is(tokenizer):
    assert load_tokenizer(tokenizer, "no/such-model") is tokenizer


def test_a_tokenizer_is_found_beside_the_model(tiny_model_path, tokenizer):
    assert load_tokenizer(None, str(tiny_model_path)).get_vocab() == tokenizer.get_vocab()


def test_a_tokenizer_given_by_folder_is_taken_before_the_models_own(tmp_path, tiny_model_path, word_tokenizer):
    word_tokenizer("habari jumba").save_pretrained(tmp_path)

    assert "jumba" in load_tokenizer(str(tmp_path), str(tiny_model_path)).get_vocab()


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"config.json": '{"model_type": "llama"}'},
        {"config.json": '{"model_type": "qwen2"}'},
        {"config.json": '{"model_type": "gemma2"}'},
        {"tokenizer.json": "{ cut sho"},
    ],
)
def test_a_folder_without_a_whole_tokenizer_says_what_to_do(tmp_path, files):
    for name, content in files.items():
        (tmp_path / name).write_text(content)

    with pytest.raises(
        TokenizerError, match=r"No tokenizer could be loaded from .*save_pretrained.*tokenizer="
    ) as info:
        load_tokenizer(None, str(tmp_path))
    assert str(tmp_path) in str(info.value)


@pytest.mark.parametrize(
    ("separator", "expected"),
    [("", [[2, 3], [3]]), ("newline", [[2, 3], [3]]), ("eos", [[2, 3, 1], [3, 1]])],
)
def test_the_separator_comes_behind_every_document(word_tokenizer, separator, expected):
    assert tokens_of(word_tokenizer("a b", eos_token="</s>"), separator, "a b", "b") == expected


def test_a_newline_is_encoded_together_with_the_text_before_it(tokenizer):
    [tokens] = tokens_of(tokenizer, "newline", "Habari za asubuhi.")

    assert tokenizer.decode(tokens) == "Habari za asubuhi.\n"


def test_documents_keep_their_id_and_digest(tokenizer):
    [given] = documents_of("Habari za asubuhi.")
    [tokenized] = TextEncoder(tokenizer, "newline").tokenize([given])

    assert (tokenized.id, tokenized.digest) == (given.id, given.digest)


@pytest.mark.parametrize("count", [1, 63, 64, 65, 200])
def test_documents_in_batches_are_encoded_as_one_by_one(tokenizer, count):
    texts = [f"Hadithi ya {number} na mwisho." for number in range(count)]

    assert tokens_of(tokenizer, "", *texts) == [tokenizer.encode(text, add_special_tokens=False) for text in texts]


def test_documents_are_read_only_as_far_as_they_are_asked_for(tokenizer):
    read = []
    endless = (read.append(n) or Document.from_text(str(n), f"text {n}") for n in range(10**9))

    next(TextEncoder(tokenizer, "").tokenize(endless))

    assert len(read) <= 2 * 64, "one batch is encoded while the next is read"


def test_special_tokens_that_a_tokenizer_adds_by_itself_are_left_out(tiny_model_path):
    tokenizer = load_tokenizer(None, str(tiny_model_path))
    tokenizer.add_bos_token, tokenizer.add_eos_token = True, True
    tokenizer.update_post_processor()
    assert tokenizer("Habari")["input_ids"][0] == tokenizer.bos_token_id

    [tokens] = tokens_of(tokenizer, "", "Habari")

    assert tokens == tokenizer.encode("Habari", add_special_tokens=False)
    assert not {tokenizer.bos_token_id, tokenizer.eos_token_id} & set(tokens)


def test_special_tokens_written_in_a_text_are_only_text(tokenizer):
    text = "In HTML <s>this</s> is struck out."
    [tokens] = tokens_of(tokenizer, "", text)

    assert not {tokenizer.bos_token_id, tokenizer.eos_token_id} & set(tokens)
    assert tokenizer.decode(tokens) == text


def test_an_eos_separator_without_an_eos_token_is_refused_before_any_text_is_read(word_tokenizer):
    unread = (pytest.fail("a document was read") for _ in range(1))

    with pytest.raises(TokenizerError, match=r"document_separator='eos' needs .*use document_separator='newline'"):
        TextEncoder(word_tokenizer("a b"), "eos").tokenize(unread)


def test_a_tokenizer_is_left_as_it_was(tiny_model_path):
    tokenizer = load_tokenizer(None, str(tiny_model_path))
    tokenizer.backend_tokenizer.enable_truncation(max_length=5, stride=1, direction="left")
    tokenizer.backend_tokenizer.enable_padding(length=12, pad_id=3, pad_token="</s>", direction="left")
    before = (tokenizer.backend_tokenizer.to_str(), tokenizer.backend_tokenizer.encode_special_tokens)

    [tokens] = tokens_of(tokenizer, "eos", "Habari za asubuhi, karibu nyumbani <s> kwetu leo jioni.")

    assert len(tokens) > 12
    assert (tokenizer.backend_tokenizer.to_str(), tokenizer.backend_tokenizer.encode_special_tokens) == before


def test_half_of_the_tokens_may_be_unknown(word_tokenizer):
    check_coverage([np.array([0, 1]), np.array([0, 1])], word_tokenizer("a"), "Swahili")


def test_more_unknown_tokens_than_half_are_refused_with_their_count(word_tokenizer):
    message = r"cannot encode Swahili: 3 of 5 tokens are unknown \('\[UNK\]'\).*Leave the language out"
    with pytest.raises(TokenizerError, match=message):
        check_coverage([np.array([0, 1, 0, 1]), np.array([0])], word_tokenizer("a"), "Swahili")


def test_a_tokenizer_without_an_unknown_token_covers_everything(tokenizer):
    assert tokenizer.unk_token_id is None
    check_coverage([np.zeros(10)], tokenizer, "Swahili")


def test_no_tokens_at_all_are_no_coverage_problem(word_tokenizer):
    check_coverage([], word_tokenizer("a"), "Swahili")


def test_the_same_vocabulary_is_described_the_same_from_any_folder(tmp_path, tokenizer):
    tokenizer.save_pretrained(tmp_path)
    described = describe_tokenizer(tokenizer)

    assert describe_tokenizer(load_tokenizer(None, str(tmp_path))) == described
    assert described["vocab_size"] == len(tokenizer)
    assert str(tmp_path) not in json.dumps(described)


def test_a_chat_tokenizer_is_described_the_same_from_any_folder(tmp_path, tiny_model_path):
    tokenizer = with_added(tiny_model_path, "<|call|>")
    tokenizer.save_pretrained(tmp_path)

    assert describe_tokenizer(load_tokenizer(None, str(tmp_path)), True) == describe_tokenizer(tokenizer, True)


def test_of_chats_every_added_special_token_counts_and_of_texts_none(tiny_model_path):
    one, other = with_added(tiny_model_path, "<|call|>"), with_added(tiny_model_path, "<|tool|>")

    assert describe_tokenizer(one, messages=True) != describe_tokenizer(other, messages=True)
    assert describe_tokenizer(one) == describe_tokenizer(other)


def test_a_token_to_pad_with_does_not_change_what_chats_become(tiny_model_path):
    tokenizer = with_added(tiny_model_path, "<|call|>")
    before = describe_tokenizer(tokenizer, messages=True)
    tokenizer.pad_token = "<|call|>"

    assert describe_tokenizer(tokenizer, messages=True) == before


def test_another_vocabulary_is_described_otherwise(word_tokenizer):
    assert describe_tokenizer(word_tokenizer("a b")) != describe_tokenizer(word_tokenizer("b a"))
