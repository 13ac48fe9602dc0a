"""The text of a language is measured as it is drawn."""

import pytest
from transformers import AutoTokenizer

from optimum_multilingual.calibration.encoding import TextEncoder
from optimum_multilingual.calibration.source import TextSource
from optimum_multilingual.corpora import open_corpus
from optimum_multilingual.corpora.embedded import EmbeddedCorpus
from optimum_multilingual.languages import find_language

SWAHILI = find_language("sw")
PARAGRAPHS = [document.text for document in EmbeddedCorpus().documents(SWAHILI)][:6]


def source_of(tokenizer, corpus, deduplicate=True, messages=False):
    encoder = TextEncoder(tokenizer, "newline", messages)
    return TextSource(open_corpus({"sw": corpus}), None, 0, encoder, deduplicate)


def size_of(texts):
    return sum(len(text.encode()) for text in texts)


def test_without_copies_all_text_of_a_language_is_measured(tokenizer):
    assert source_of(tokenizer, PARAGRAPHS).num_bytes(SWAHILI) == size_of(PARAGRAPHS)


def test_copies_that_are_left_out_are_not_measured(tokenizer):
    copies = PARAGRAPHS * 3

    assert source_of(tokenizer, copies).num_bytes(SWAHILI) == size_of(PARAGRAPHS)
    assert source_of(tokenizer, copies, deduplicate=False).num_bytes(SWAHILI) == 3 * size_of(PARAGRAPHS)


@pytest.mark.parametrize("deduplicate", [True, False])
def test_what_is_measured_is_what_is_drawn(tokenizer, deduplicate):
    source = source_of(tokenizer, [*PARAGRAPHS, *PARAGRAPHS[:2]], deduplicate)

    assert source.num_bytes(SWAHILI) == sum(document.num_bytes for document in source.draw(SWAHILI))


def test_chats_are_measured_as_the_model_reads_them(tiny_model_path):
    tokenizer = AutoTokenizer.from_pretrained(tiny_model_path)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    chats = [[{"role": "user", "content": text}] for text in PARAGRAPHS]

    assert source_of(tokenizer, chats, messages=True).num_bytes(SWAHILI) == size_of(PARAGRAPHS)
