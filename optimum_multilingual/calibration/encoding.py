"""Texts and chats to token ids, leaving no trace in the tokenizer."""

from __future__ import annotations

import copy
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from itertools import islice
from typing import Any

from jinja2 import TemplateError

from ..corpora import Document
from ..errors import CorpusError, TokenizerError
from .packing import TokenizedDocument

DOCUMENTS_AT_ONCE = 64

# Templates that print today's date would make other rows every day. This is the date that Llama's prints without a clock.
FIXED_DATE = date(2024, 7, 26)


class TextEncoder:
    """Encodes texts as nothing but text, in which "<s>" is three letters, and leaves the tokenizer as it was.

        >>> encoder = TextEncoder(tokenizer, separator="newline")
        >>> next(encoder.tokenize(documents)).tokens
        [412, 9, 198]

    Args:
        tokenizer: a Transformers tokenizer. A fast one is copied once, because encoding changes its settings.
        separator: "newline" ends each text with a line break before it is encoded, "eos" adds the end-of-sequence
            token after it, "" adds nothing.
        messages: documents are chats, which the tokenizer's chat template turns into text; there "<s>" is a token, and
            today is 26 July 2024. A token that begins a sequence is left out, because every row begins with one.

    Raises:
        TokenizerError: the separator is "eos" and the tokenizer has no such token, or there is no chat template.
    """

    def __init__(self, tokenizer: Any, separator: str, messages: bool = False):
        if separator == "eos" and tokenizer.eos_token_id is None:
            raise TokenizerError(
                "document_separator='eos' needs a tokenizer with an end-of-sequence token, and this one has none; use "
                "document_separator='newline'."
            )
        if messages and tokenizer.chat_template is None:
            raise TokenizerError(
                "messages=True needs a tokenizer with a chat template, and this one has none; take the tokenizer of a chat "
                "model, or set tokenizer.chat_template."
            )
        self._tokenizer = tokenizer
        self.separator = separator
        self.messages = messages
        self._line_break = "\n" if separator == "newline" else ""
        self.end = [tokenizer.eos_token_id] if separator == "eos" else []
        fast = getattr(tokenizer, "is_fast", False)
        self.encode = (_fast_encoder if fast else _slow_encoder)(tokenizer, special_tokens=messages)

    def tokenize(self, documents: Iterable[Document]) -> Iterator[TokenizedDocument]:
        """Encodes documents of one language without special tokens, each with the separator behind it.

        Raises:
            CorpusError: as in `text_of`.
        """
        stream = iter(documents)
        with ThreadPoolExecutor(max_workers=1) as worker:
            # While one batch is encoded the next is read.
            waiting: deque[tuple[list[Document], list[str], Future[list[list[int]]]]] = deque()
            while batch := list(islice(stream, DOCUMENTS_AT_ONCE)):
                texts = [self.text_of(document) for document in batch]
                encoded = worker.submit(self.encode, [text + self._line_break for text in texts])
                waiting.append((batch, texts, encoded))
                if len(waiting) > 1:
                    yield from self._finished(*waiting.popleft())
            for batch_and_the_rest in waiting:
                yield from self._finished(*batch_and_the_rest)

    def text_of(self, document: Document) -> str:
        """What the model reads of a document, the separator aside: the text, or what the chat template makes of a chat.

        Raises:
            CorpusError: a chat where texts were asked for, or the other way round, or a chat that the template refuses.
        """
        if document.is_chat != self.messages:
            raise CorpusError(
                f"{document.id} is a {'chat' if document.is_chat else 'text'}, and messages={self.messages} asks for "
                f"{'chats' if self.messages else 'texts'}; give messages={not self.messages}, or a corpus of the other kind."
            )
        return self._rendered(document) if document.is_chat else document.text

    def _rendered(self, chat: Document) -> str:
        messages = json.loads(chat.text)
        try:
            # Given by name, the clock stands before the one that Transformers hands to every template.
            return self._tokenizer.apply_chat_template(messages, tokenize=False, strftime_now=FIXED_DATE.strftime)
        except TemplateError as error:
            roles = ", ".join(message["role"] for message in messages)
            raise CorpusError(
                f"The tokenizer's chat template refuses {chat.id}, whose roles are {roles}: {error}. Give chats of the roles "
                "that the template takes, in its order, leave this one out, or set another tokenizer.chat_template."
            ) from error

    def _finished(
        self, batch: list[Document], texts: list[str], encoded: Future[list[list[int]]]
    ) -> Iterator[TokenizedDocument]:
        for document, text, tokens in zip(batch, texts, encoded.result(), strict=True):
            if self.messages and tokens[:1] == [self._tokenizer.bos_token_id]:
                tokens, text = tokens[1:], text.removeprefix(self._tokenizer.bos_token)
            yield TokenizedDocument(document.id, document.digest, tokens + self.end, len(text.encode()), len(text))


def _fast_encoder(tokenizer: Any, special_tokens: bool) -> Callable[[list[str]], list[list[int]]]:
    backend = copy.deepcopy(tokenizer.backend_tokenizer)
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = not special_tokens
    return lambda texts: [encoding.ids for encoding in backend.encode_batch_fast(texts, add_special_tokens=False)]


def _slow_encoder(tokenizer: Any, special_tokens: bool) -> Callable[[list[str]], list[list[int]]]:
    settings = {"add_special_tokens": False, "return_attention_mask": False, "verbose": False}
    return lambda texts: tokenizer(texts, split_special_tokens=not special_tokens, **settings)["input_ids"]
