"""What went wrong while a model was published, said so that a user knows what to do; never with a token in it."""

from __future__ import annotations

import re
from typing import Any

import httpx
from huggingface_hub import constants
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from ..corpora.hub_errors import TRANSIENT_STATUS, reasons_of
from ..errors import HubError

RESUME = "Push again: files that were uploaded already are not sent a second time."

STATUS_PAGE = "https://status.huggingface.co"

# Of the answers that may be another one a moment later, those that are given before a commit is begun.
NOT_BEGUN = {429, 503}

NO_TOKEN = (
    "Nothing can be published without a token that may write. Make one on {endpoint}/settings/tokens, then log in with "
    "`hf auth login`, or set HF_TOKEN, or give token=."
)

# HTTP status -> what it means for a push, and what to do.
ADVICE = {
    401: "Your token was refused. Check it with `hf auth whoami`, and log in again with `hf auth login`.",
    403: "Your token may not write there: it needs write access, and {owner} must be you or an organization you are in. Give "
    "another name, or create_pr=True (--create-pr) to propose the change to its owner.",
    409: "Another change of this repository was in progress, or the name is taken. Push again, or give another name.",
    412: "It was changed while this push was prepared, and nothing was overwritten. " + RESUME,
    413: "The commit is too large; leave files out, or save the model in smaller shards (max_shard_size=).",
    429: "Too many requests, also after waiting and asking again. Wait some minutes. " + RESUME,
}


def explain_upload(error: BaseException, repo_id: str, revision: str | None) -> HubError:
    """Turns whatever the client raised into one error that says what was asked for and what to do.

    Args:
        error: as it was caught; the reasons it was raised from are looked at too.
        repo_id: owner/name of the repository.
        revision: branch that was asked for; None for the default one.
    """
    reasons = tuple(reasons_of(error))
    for kind, message in MESSAGES:
        for reason in reasons:
            if isinstance(reason, kind):
                return HubError(message(reason, repo_id, revision))
    return HubError(f"{repo_id} could not be published ({type(error).__name__}: {error}). {RESUME}")


def is_refusal(error: BaseException) -> bool:
    """Whether the error is an answer that did nothing and may be another one a moment later.

    A commit may have been made although the Hub answered with an error of its own: only a refusal to begin is one there.
    """
    if not isinstance(error, HfHubHTTPError):
        return False
    return error.response.status_code in (NOT_BEGUN if _is_of_commit(error) else TRANSIENT_STATUS)


def _is_of_commit(error: HfHubHTTPError) -> bool:
    return re.search("/commit/[^/]+$", error.response.request.url.path) is not None


def no_token() -> HubError:
    """The error for a push without any token."""
    return HubError(NO_TOKEN.format(endpoint=constants.ENDPOINT))


def _offline(error: Any, repo_id: str, revision: str | None) -> str:
    return f"{repo_id} cannot be published: HF_HUB_OFFLINE is set. Unset it, or look at a dry run (dry_run=True, --dry-run)."


def _token(error: Any, repo_id: str, revision: str | None) -> str:
    return NO_TOKEN.format(endpoint=constants.ENDPOINT)


def _name(error: Any, repo_id: str, revision: str | None) -> str:
    return f"{repo_id!r} is no name of a repository: {str(error).splitlines()[0]} Give owner/name, such as 'me/model-gptq'."


def _revision(error: Any, repo_id: str, revision: str | None) -> str:
    return f"{repo_id} has no revision {revision!r}. Give a branch that is listed on {constants.ENDPOINT}/{repo_id}/tree/main."


def _repository(error: Any, repo_id: str, revision: str | None) -> str:
    return (
        f"There is no model {repo_id} on {constants.ENDPOINT}, or it is private and your token may not see it. Check the name, "
        "owner/name; a pull request needs a repository that exists."
    )


def _status(error: Any, repo_id: str, revision: str | None) -> str:
    status = error.response.status_code
    owner = repo_id.partition("/")[0]
    answer = f"The Hub answered HTTP {status} ({error.response.reason_phrase}) for {repo_id}."
    if status in ADVICE:
        return f"{answer} {ADVICE[status].format(owner=owner)}"
    if status in TRANSIENT_STATUS and not is_refusal(error):
        where = f"{constants.ENDPOINT}/{repo_id}"
        return (
            f"{answer} The commit may have been made all the same. Push again: the same content makes no second commit. A pull "
            f"request would be opened twice, so look at {where}/discussions before. The state of the Hub is on {STATUS_PAGE}."
        )
    if status in TRANSIENT_STATUS:
        return f"{answer} Also after waiting and asking again. Its state is on {STATUS_PAGE}. {RESUME}"
    said = error.response.headers.get("X-Error-Message") or getattr(error, "server_message", None)
    return f"{answer} {f'It says: {said}. ' if said else ''}Look at {constants.ENDPOINT}/{repo_id}. {RESUME}"


def _connection(error: Any, repo_id: str, revision: str | None) -> str:
    return (
        f"The connection to {constants.ENDPOINT} failed ({type(error).__name__}: {error}). Check the network; "
        f"HF_HUB_OFFLINE=1 lets a dry run ask nobody. {RESUME}"
    )


# Tried from the top on all reasons of an error.
MESSAGES = (
    (OfflineModeIsEnabled, _offline),
    (LocalTokenNotFoundError, _token),
    (HFValidationError, _name),
    (RevisionNotFoundError, _revision),
    (RepositoryNotFoundError, _repository),
    (HfHubHTTPError, _status),
    ((httpx.TransportError, ConnectionError, TimeoutError), _connection),
)
