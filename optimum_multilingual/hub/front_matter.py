"""What a model's card says in its front matter, from a folder or from the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CARD = "README.md"


class NoCardError(Exception):
    """There is no card to read; the message ends a sentence that begins "the card of X ..."."""


def front_matter_of(model: str | Path, revision: str | None = None, token: str | None = None) -> dict[str, Any]:
    """The front matter of a model's card as values; empty where the card has none.

        >>> front_matter_of("BSC-LT/salamandra-2b")["license"]
        'apache-2.0'

    Args:
        model: name of the model on the Hub, or a folder with a README.md.
        revision: the commit, for models on the Hub.
        token: for models that not all may read; None for the one that is stored.

    Raises:
        NoCardError: there is no card, or its front matter is no YAML of keys and values.
    """
    path = Path(model) / CARD if Path(model).is_dir() else _downloaded(str(model), revision, token)
    if not path.is_file():
        raise NoCardError(f"does not exist: the folder has no {CARD}")
    return parsed(path.read_bytes())


def parsed(content: bytes) -> dict[str, Any]:
    """The front matter of a card.

    Raises:
        NoCardError: it is no YAML of keys and values, or no text.
    """
    from huggingface_hub import RepoCard
    from yaml import YAMLError

    try:
        return RepoCard(content.decode(), ignore_metadata_errors=True).data.to_dict()
    except (YAMLError, ValueError) as error:
        raise NoCardError(f"has front matter that cannot be read ({str(error).splitlines()[0]})") from error


def as_yaml(values: Any) -> str:
    """Values as YAML, letter for letter as the client of the Hub writes them; libyaml does it several times as fast."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump(values, Dumper=dumper, sort_keys=False, allow_unicode=True)


def _downloaded(model: str, revision: str | None, token: str | None) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(hf_hub_download(model, CARD, revision=revision, token=token))
    except (HFValidationError, OSError) as error:
        reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
        raise NoCardError(f"could not be had from the Hub ({reason})") from error
