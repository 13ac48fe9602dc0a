"""Tokenizers: found, checked, fingerprinted, and applied without leaving a trace in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from ..corpora import Document
from ..errors import TokenizerError
from .packing import TokenizedDocument

DOCUMENTS_AT_ONCE = 64

# Beyond this share of unknown tokens the text no longer says what language it is.
MAX_UNKNOWN_SHARE = 0.5


def load_tokenizer(given: Any, model_name: str, revision: str | None = None) -> Any:
    """Takes the tokenizer that was given, by object or name, or finds the one beside the model.

    Args:
        given: a tokenizer, its name or folder, or None.
        model_name: name or folder of the model, where the tokenizer is when none was given.
        revision: the commit the model was loaded from, for models on the Hub.

    Raises:
        TokenizerError: there is none.
    """
    if given is not None and not isinstance(given, str):
        return given
    from transformers import AutoTokenizer

    name = given or model_name
    try:
        return AutoTokenizer.from_pretrained(name, revision=None if given else revision)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise TokenizerError(
            f"No tokenizer could be loaded from {name!r} ({type(error).__name__}: {str(error).splitlines()[0][:200]}). "
            "Save one there with tokenizer.save_pretrained(...), or pass tokenizer= (a tokenizer, or the name or folder "
            "of one)."
        ) from error


def tokenize(documents: Iterable[Document], tokenizer: Any, separator: str) -> Iterator[TokenizedDocument]:
    """Encodes documents without special tokens, each with the separator behind it.

    Args:
        documents: texts of one language.
        tokenizer: a Transformers tokenizer.
        separator: "newline" ends each text with a line break before it is encoded, "eos" adds the end-of-sequence
            token after it, "" adds nothing.

    Raises:
        TokenizerError: the separator is "eos" and the tokenizer has no such token.
    """
    if separator == "eos" and tokenizer.eos_token_id is None:
        raise TokenizerError(
            "document_separator='eos' needs a tokenizer with an end-of-sequence token, and this one has none; use "
            "document_separator='newline'."
        )
    line_break = "\n" if separator == "newline" else ""
    end = [tokenizer.eos_token_id] if separator == "eos" else []
    stream = iter(documents)
    while batch := list(islice(stream, DOCUMENTS_AT_ONCE)):
        encoded = _encode([document.text + line_break for document in batch], tokenizer)
        for document, tokens in zip(batch, encoded, strict=True):
            yield TokenizedDocument(document.id, document.digest, tokens + end)


def _encode(texts: list[str], tokenizer: Any) -> list[list[int]]:
    """Encodes texts as nothing but text, in which "<s>" is three letters, and leaves the tokenizer as it was."""
    settings = {"add_special_tokens": False, "return_attention_mask": False, "verbose": False}
    if not getattr(tokenizer, "is_fast", False):
        return tokenizer(texts, **settings)["input_ids"]
    backend = tokenizer.backend_tokenizer
    truncation, padding, as_text = backend.truncation, backend.padding, backend.encode_special_tokens
    try:
        return tokenizer(texts, **settings, split_special_tokens=True)["input_ids"]
    finally:  # Transformers turns these off for good when it calls a fast tokenizer.
        if truncation is not None:
            backend.enable_truncation(**truncation)
        if padding is not None:
            backend.enable_padding(**padding)
        backend.encode_special_tokens = as_text


def check_coverage(tokens: Iterable[int], tokenizer: Any, language_name: str) -> None:
    """Refuses a tokenizer that cannot write a language.

    Raises:
        TokenizerError: more than half of the tokens are unknown.
    """
    tokens = list(tokens)
    unknown = 0 if tokenizer.unk_token_id is None else tokens.count(tokenizer.unk_token_id)
    if tokens and unknown / len(tokens) > MAX_UNKNOWN_SHARE:
        raise TokenizerError(
            f"The tokenizer cannot encode {language_name}: {unknown} of {len(tokens)} tokens are unknown "
            f"({tokenizer.unk_token!r}). At most half may be. Leave the language out, or take a model and tokenizer "
            "trained on its script."
        )


def describe_tokenizer(tokenizer: Any) -> dict[str, Any]:
    """What the manifest says of a tokenizer: its class, size and a hash of all it does, not where it lies."""
    return {
        "class": type(tokenizer).__name__,
        "vocab_size": len(tokenizer),
        "sha256": hashlib.sha256(_definition(tokenizer).encode()).hexdigest(),
    }


def _definition(tokenizer: Any) -> str:
    if not getattr(tokenizer, "is_fast", False):
        return json.dumps(sorted(tokenizer.get_vocab().items()))
    definition = json.loads(tokenizer.backend_tokenizer.to_str())
    # Settings of the last call, not of the tokenizer.
    return json.dumps({**definition, "truncation": None, "padding": None}, sort_keys=True)
