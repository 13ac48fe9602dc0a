"""Texts and chats to token ids, leaving no trace in the tokenizer."""

from __future__ import annotations

import copy
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

from ..corpora import Document
from ..errors import CorpusError, TokenizerError
from .packing import TokenizedDocument

DOCUMENTS_AT_ONCE = 64


class TextEncoder:
    """Encodes texts as nothing but text, in which "<s>" is three letters, and leaves the tokenizer as it was.

        >>> encoder = TextEncoder(tokenizer, separator="newline")
        >>> next(encoder.tokenize(documents)).tokens
        [412, 9, 198]

    Args:
        tokenizer: a Transformers tokenizer. A fast one is copied once, because encoding changes its settings.
        separator: "newline" ends each text with a line break before it is encoded, "eos" adds the end-of-sequence
            token after it, "" adds nothing.
        messages: documents are chats, which the tokenizer's chat template turns into text; there "<s>" is a token. A
            token that begins a sequence is left out, because every row begins with one.

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
            CorpusError: a chat where texts were asked for, or the other way round.
        """
        stream = iter(documents)
        with ThreadPoolExecutor(max_workers=1) as worker:
            # While one batch is encoded the next is read.
            waiting: deque[tuple[list[Document], Future[list[list[int]]]]] = deque()
            while batch := list(islice(stream, DOCUMENTS_AT_ONCE)):
                texts = [self._text_of(document) + self._line_break for document in batch]
                waiting.append((batch, worker.submit(self.encode, texts)))
                if len(waiting) > 1:
                    yield from self._finished(*waiting.popleft())
            for batch_and_tokens in waiting:
                yield from self._finished(*batch_and_tokens)

    def _text_of(self, document: Document) -> str:
        if document.is_chat != self.messages:
            raise CorpusError(
                f"{document.id} is a {'chat' if document.is_chat else 'text'}, and messages={self.messages} asks for "
                f"{'chats' if self.messages else 'texts'}; give messages={not self.messages}, or a corpus of the other kind."
            )
        if not document.is_chat:
            return document.text
        return self._tokenizer.apply_chat_template(json.loads(document.text), tokenize=False)

    def _finished(self, batch: list[Document], encoded: Future[list[list[int]]]) -> Iterator[TokenizedDocument]:
        for document, tokens in zip(batch, encoded.result(), strict=True):
            if self.messages and tokens[:1] == [self._tokenizer.bos_token_id]:
                tokens = tokens[1:]
            num_bytes, num_characters = len(document.text.encode()), len(document.text)
            yield TokenizedDocument(document.id, document.digest, tokens + self.end, num_bytes, num_characters)


def _fast_encoder(tokenizer: Any, special_tokens: bool) -> Callable[[list[str]], list[list[int]]]:
    backend = copy.deepcopy(tokenizer.backend_tokenizer)
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = not special_tokens
    return lambda texts: [encoding.ids for encoding in backend.encode_batch_fast(texts, add_special_tokens=False)]


def _slow_encoder(tokenizer: Any, special_tokens: bool) -> Callable[[list[str]], list[list[int]]]:
    settings = {"add_special_tokens": False, "return_attention_mask": False, "verbose": False}
    return lambda texts: tokenizer(texts, split_special_tokens=not special_tokens, **settings)["input_ids"]
