"""The base model as a user names it."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from ..errors import HubError


def require_base_model(base_model: str | Path) -> None:
    """Refuses a base model that is no folder and no name on the Hub: a card would publish it as a name there.

        >>> require_base_model("me/base")
        >>> require_base_model("models/base/")       # a folder that is there

    Args:
        base_model: as it was given for a push.

    Raises:
        HubError: says what it may be.
    """
    if Path(base_model).is_dir() and Path(base_model).resolve().name:
        return
    try:
        validate_repo_id(str(base_model))
    except HFValidationError as error:
        raise HubError(
            f"base_model {str(base_model)!r} (--base-model) is no folder with a name on this machine, and no name of a model on "
            "the Hub, such as 'me/base'. Give one of the two, or leave it out for what the checkpoint says."
        ) from error
