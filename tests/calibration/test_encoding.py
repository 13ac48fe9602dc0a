"""Chats become rows through the tokenizer's own template."""

import pytest
from transformers import AutoTokenizer

from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.calibration.encoding import TextEncoder
from optimum_multilingual.corpora import Document
from optimum_multilingual.errors import CorpusError, TokenizerError

TEMPLATE = "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{{ eos_token }}{% endfor %}"


@pytest.fixture
def chat_tokenizer(tiny_model_path):
    tokenizer = AutoTokenizer.from_pretrained(tiny_model_path)
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def chats(count):
    question = [{"role": "user", "content": "Habari gani, rafiki?"}]
    return [[*question, {"role": "assistant", "content": f"Nzuri sana, jibu namba {n}."}] for n in range(count)]


def built(tokenizer, corpus, **settings):
    config = MultilingualCalibrationConfig(
        languages=["sw"], corpus={"sw": corpus}, num_rows=4, sequence_length=64, cache=False, **settings
    )
    return build_calibration_set(config, tokenizer)


def test_rows_of_chats_go_through_the_template(chat_tokenizer):
    rows = built(chat_tokenizer, chats(60), messages=True, deduplicate=False)
    text = chat_tokenizer.decode(rows.token_ids()[0])
    assert text.startswith("<s><|user|>Habari gani, rafiki?</s><|assistant|>Nzuri sana")
    assert rows.manifest.messages


def test_a_row_of_chats_begins_with_one_token_that_begins_a_sequence(chat_tokenizer):
    ids = built(chat_tokenizer, chats(60), messages=True, deduplicate=False).token_ids()
    assert (ids == chat_tokenizer.bos_token_id).sum(axis=1).tolist() == [1, 1, 1, 1]
    assert (ids[:, 0] == chat_tokenizer.bos_token_id).all()
    assert (ids == chat_tokenizer.eos_token_id).any()


def test_chats_without_a_template_are_refused(tokenizer):
    with pytest.raises(TokenizerError, match=r"chat template.*chat_template"):
        built(tokenizer, chats(60), messages=True)


def test_chats_where_texts_were_asked_for_are_refused(chat_tokenizer):
    with pytest.raises(CorpusError, match=r"memory/swh_Latn/\d+ is a chat, and messages=False asks for texts"):
        built(chat_tokenizer, chats(60))


def test_texts_where_chats_were_asked_for_are_refused(chat_tokenizer):
    with pytest.raises(CorpusError, match=r"is a text, and messages=True asks for chats"):
        built(chat_tokenizer, ["Habari za asubuhi."] * 60, messages=True)


@pytest.mark.parametrize("value", [[], [1], [{"role": "user"}], [{"role": "user", "content": 5}], {"a": 1}, None, 3])
def test_what_is_neither_a_text_nor_a_chat_is_refused(value):
    with pytest.raises(CorpusError, match=r"place/7 is of type .*list of messages"):
        Document.from_value("place/7", value)


def test_a_template_that_prints_the_date_gives_the_same_rows_on_every_day(chat_tokenizer):
    chat_tokenizer.chat_template = "Today Date: {{ strftime_now('%d %b %Y') }} {{ messages[1]['content'] }}"
    rows = built(chat_tokenizer, chats(60), messages=True)

    assert "Today Date: 26 Jul 2024 Nzuri sana" in chat_tokenizer.decode(rows.token_ids()[0])


def test_a_chat_that_the_template_refuses_is_named(chat_tokenizer):
    chat_tokenizer.chat_template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        + TEMPLATE
    )
    refused = [{"role": "system", "content": "Jibu kwa kifupi."}, {"role": "user", "content": "Habari?"}]
    encoder = TextEncoder(chat_tokenizer, "newline", messages=True)

    with pytest.raises(
        CorpusError,
        match=r"refuses sw\.jsonl:7, whose roles are system, user: System role not supported\. Give .*tokenizer\.chat_template",
    ):
        next(encoder.tokenize([Document.from_value("sw.jsonl:7", refused)]))


def test_of_a_chat_the_text_that_the_model_reads_is_counted(chat_tokenizer):
    chat = [{"role": "user", "content": 'Sema "ndiyo" – tafadhali.'}, {"role": "assistant", "content": "Ndiyo."}]
    [tokenized] = TextEncoder(chat_tokenizer, "newline", messages=True).tokenize([Document.from_value("any", chat)])

    # The token that begins the sequence is every row's own, and the separator is no text.
    read = '<|user|>Sema "ndiyo" – tafadhali.</s><|assistant|>Ndiyo.</s>'
    assert chat_tokenizer.decode(tokenized.tokens) == read + "\n"
    assert (tokenized.num_bytes, tokenized.num_characters) == (len(read.encode()), len(read))


def test_equal_chats_are_known_by_their_content():
    first, second = (Document.from_value(id, chats(1)[0]) for id in ("a", "b"))
    assert first.digest == second.digest and first.is_chat
