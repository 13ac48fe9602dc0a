"""Nothing secret and nothing local leaves this machine: files are looked through before they are sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import CheckpointError

# Access tokens of the Hub and of the services whose tokens people have beside it.
SECRETS = re.compile(rb"\b(hf_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{32,}|gh[pousr]_[A-Za-z0-9]{36,}|AKIA[0-9A-Z]{16})\b")

# Weights hold numbers; every other file is looked through, whatever it is called.
WEIGHT_ENDINGS = (".safetensors", ".gguf")

# Their strings are pieces of text, which may look like paths; a token would be found all the same.
VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt", "added_tokens.json")
VOCABULARY_ENDINGS = (".model", ".spm", ".tiktoken")


def require_nothing_private(name: str, content: bytes, token: str | None) -> None:
    """Refuses a file that holds an access token or names a place on this machine.

        config.json   {"tokenizer": "/home/jane/models/base"}   ->   CheckpointError
        train.sh      python train.py --model=/home/jane/base   ->   CheckpointError

    Args:
        name: of the file, for the message and for its form.
        content: of the file.
        token: the one in use; None where there is none.

    Raises:
        CheckpointError: names the file, and the key where the file is JSON; never the secret.
    """
    if not is_looked_through(name):
        return
    if SECRETS.search(content) or (token and token.encode() in content):
        raise CheckpointError(
            f"{name} holds an access token, and nothing was sent. Take it out, and revoke the token if the file was ever public."
        )
    if name.rpartition("/")[2] in VOCABULARIES or name.endswith(VOCABULARY_ENDINGS):
        return
    is_json = name.endswith(".json")
    for place, value in _strings(name, content) if is_json else [("", content.decode("utf-8", errors="replace"))]:
        if _is_at_home(value) or (is_json and _is_here(value)):
            raise CheckpointError(
                f"{name} names a place on this machine{place}, and nothing was sent. Take it out, or write a name of the Hub."
            )


def is_looked_through(name: str) -> bool:
    """Whether a file has to be read before it is sent: all but weights."""
    return not name.endswith(WEIGHT_ENDINGS)


def _strings(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """Every key and every value of a JSON file, with where it stands."""
    try:
        yield from _values(json.loads(content.decode("utf-8", errors="replace")), "")
    except ValueError as error:
        raise CheckpointError(
            f"{name} is no JSON ({error}), and nothing was sent; save the checkpoint again."
        ) from error


def _values(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield f" in the key {key!r}", key
            yield from _values(item, f" under {key!r}")
    elif isinstance(value, list):
        for item in value:
            yield from _values(item, place)
    elif isinstance(value, str):
        yield place, value


def _is_at_home(text: str) -> bool:
    """Whether a text names the home directory: anything below it, wherever that stands, or itself as a word of its own."""
    home = str(Path.home())
    if home == Path.home().anchor:  # of a user without a home of their own: every path would lie in it
        return False
    below, alone = rf"{re.escape(home)}[/\\]", rf"(?<![\w.]){re.escape(home)}(?![\w-])"
    return re.search(f"{below}|{alone}", text) is not None


def _is_here(value: str) -> bool:
    """Whether a string is the absolute path of something that exists."""
    path = value.removeprefix("file://")
    if not path.startswith("/") or path.count("/") < 2 or "\0" in path:
        return False
    try:
        return Path(path).exists()
    except OSError:  # a name that is too long, or a folder that may not be entered
        return False
