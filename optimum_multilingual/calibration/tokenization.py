"""Tokenizers: found, checked, and described."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import TokenizerError

# Beyond this share of unknown tokens the text no longer says what language it is.
MAX_UNKNOWN_SHARE = 0.5


SAVE_ONE = "Save one there with tokenizer.save_pretrained(...), or pass tokenizer= (a tokenizer, or the name or folder of one)."


def load_tokenizer(given: Any, model_name: str | None = None, revision: str | None = None) -> Any:
    """Takes the tokenizer that was given, by object or name, or finds the one beside the model.

    Args:
        given: a tokenizer, its name or folder, or None.
        model_name: name or folder of the model, where the tokenizer is when none was given.
        revision: the commit the model was loaded from, for models on the Hub.

    Raises:
        TokenizerError: there is none, or one whose files are missing.
    """
    if given is not None and not isinstance(given, str | Path):
        if not callable(getattr(given, "get_vocab", None)):
            raise TokenizerError(f"A tokenizer, or its name or folder, was expected, got a {type(given).__name__}.")
        return given
    from transformers import AutoTokenizer

    name = str(given or model_name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=None if given else revision)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise TokenizerError(
            f"No tokenizer could be loaded from {name!r} ({type(error).__name__}: {str(error).splitlines()[0][:200]}). {SAVE_ONE}"
        ) from error
    # Of some families AutoTokenizer makes an empty one where there are no files, which turns all text into nothing.
    if set(tokenizer.get_vocab()) <= {*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}:
        raise TokenizerError(
            f"No tokenizer could be loaded from {name!r}: without its files, a {type(tokenizer).__name__} knows special tokens "
            f"alone. {SAVE_ONE}"
        )
    return tokenizer


def check_coverage(tokens: Iterable[np.ndarray], tokenizer: Any, language_name: str) -> None:
    """Refuses a tokenizer that cannot write a language.

    Args:
        tokens: token ids of the language's text, in arrays of any length.
        tokenizer: which made them.
        language_name: for the message.

    Raises:
        TokenizerError: more than half of the tokens are unknown.
    """
    if tokenizer.unk_token_id is None:
        return
    total = unknown = 0
    for part in tokens:
        total += len(part)
        unknown += np.count_nonzero(part == tokenizer.unk_token_id)
    if total and unknown / total > MAX_UNKNOWN_SHARE:
        raise TokenizerError(
            f"The tokenizer cannot encode {language_name}: {unknown} of {total} tokens are unknown "
            f"({tokenizer.unk_token!r}). At most half may be. Leave the language out, or take a model and tokenizer "
            "trained on its script."
        )


def describe_tokenizer(tokenizer: Any, messages: bool = False) -> dict[str, Any]:
    """What the manifest says of a tokenizer: its class, its size, and a hash of how it turns text into tokens.

    Args:
        tokenizer: a Transformers tokenizer.
        messages: hash how it turns chats into tokens, which depends on its chat template and added tokens too.
    """
    return {
        "class": type(tokenizer).__name__,
        "vocab_size": len(tokenizer),
        "sha256": hashlib.sha256(_definition(tokenizer, messages).encode()).hexdigest(),
    }


def _definition(tokenizer: Any, messages: bool) -> str:
    if messages:
        # In a chat every added token is one, also a special one without a name; templates print the two that have one.
        chats = {
            "template": tokenizer.chat_template,
            "begin and end": [tokenizer.bos_token, tokenizer.eos_token],
            "added": {place: token.__getstate__() for place, token in tokenizer.added_tokens_decoder.items()},
        }
        return _definition(tokenizer, messages=False) + json.dumps(chats, sort_keys=True)
    if not getattr(tokenizer, "is_fast", False):
        return json.dumps(sorted(tokenizer.get_vocab().items()))
    definition = json.loads(tokenizer.backend_tokenizer.to_str())
    # Special tokens, truncation, padding and templates do not touch plain text.
    added = [token for token in definition["added_tokens"] if not token["special"]]
    return json.dumps({key: definition[key] for key in ("normalizer", "pre_tokenizer", "model")} | {"added": added})
