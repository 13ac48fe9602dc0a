"""What went wrong on the Hub, said so that a user knows what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from ..errors import HubCorpusError
from .catalog import load_catalog

# Answers that may be another one a moment later.
TRANSIENT_STATUS = {408, 429, 500, 502, 503, 504}


def explain(error: BaseException, repository: str, revision: str, path: str = "") -> HubCorpusError:
    """Turns whatever the clients raised into one error that says what was asked for and what to do.

    Args:
        error: as it was caught; the reasons it was raised from are looked at too.
        repository: id of the dataset.
        revision: commit, branch or tag that was asked for.
        path: file or folder that was read; empty for the repository itself.
    """
    reasons = tuple(reasons_of(error))
    for kind, message in MESSAGES:
        for reason in reasons:
            if isinstance(reason, kind):
                return HubCorpusError(message(reason, repository, revision, path))
    return HubCorpusError(_damaged(error, repository, revision, path))


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed a moment later."""
    if isinstance(error, HfHubHTTPError):
        return error.response is not None and error.response.status_code in TRANSIENT_STATUS
    return isinstance(error, httpx.TransportError)


def retry_after(error: BaseException) -> float:
    """Seconds the Hub asked to wait, 0 where it named none."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    asked = headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else 0.0


def page_of(repository: str) -> str:
    """The address of a dataset, for people."""
    return f"{constants.ENDPOINT}/datasets/{repository}"


def open_alternative(repository: str) -> str:
    """How to get text without access to a dataset: another corpus of the catalogue that is open to all."""
    names = [name for name in ("fineweb2", "wikipedia") if load_catalog()[name].repository != repository]
    return f"corpus={names[0]!r} is open to all"


def reasons_of(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and the errors it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _offline(error: Any, repository: str, revision: str, path: str) -> str:
    return (
        f"The text of {repository} is on the Hub, and HF_HUB_OFFLINE is set. Unset it to stream; or stay offline and give "
        "corpus= a folder with one file for each language, or a mapping of language to a file you have, such as one in "
        f"the cache that `hf download {repository} --repo-type dataset --include '...'` filled before."
    )


def _gated(error: Any, repository: str, revision: str, path: str) -> str:
    return (
        f"The dataset {repository} is gated, and you have no access to it. Accept its terms on {page_of(repository)} and "
        f"log in with `hf auth login` (or set HF_TOKEN). {open_alternative(repository)}."
    )


def _no_revision(error: Any, repository: str, revision: str, path: str) -> str:
    return (
        f"The dataset {repository} has no revision {revision!r}. HubCorpus.from_repository takes as revision= a commit, "
        f"branch or tag that is listed on {page_of(repository)}/commits/main, and without it the newest commit."
    )


def _no_repository(error: Any, repository: str, revision: str, path: str) -> str:
    return (
        f"There is no dataset {repository} on {constants.ENDPOINT}, or it is private and you are not logged in. Check its "
        f"name, `owner/name`; for a private one, log in with `hf auth login` (or set HF_TOKEN)."
    )


def _status(error: Any, repository: str, revision: str, path: str) -> str:
    response = error.response
    status = f"HTTP {response.status_code} ({response.reason_phrase})" if response is not None else "an error"
    where = f"{path} of {repository}" if path else repository
    return f"The Hub answered {status} for {where}. {_advice(response.status_code if response is not None else 0)}"


def _advice(status: int) -> str:
    if status in {401, 403}:
        return "Your token was refused: check it with `hf auth whoami`, and log in again with `hf auth login`."
    if status == 429:
        return "Also after waiting and asking again: too many requests. Wait some minutes; who is logged in may ask more often."
    if status in TRANSIENT_STATUS:
        return (
            "Also after waiting and asking again. Its state is on https://status.huggingface.co; run this again later."
        )
    return "Look at the dataset's page."


def _connection(error: Any, repository: str, revision: str, path: str) -> str:
    where = f"{path} of {repository}" if path else repository
    return (
        f"The connection to {constants.ENDPOINT} failed while reading {where}, also after waiting and trying again "
        f"({type(error).__name__}: {error}). Check the network, and run this again; nothing of what was read is kept."
    )


def _damaged(error: BaseException, repository: str, revision: str, path: str) -> str:
    return (
        f"The file {path} of {repository} (revision {revision}) cannot be read: {type(error).__name__}: {error}. It is not "
        f"skipped, because the set would then hold other text than its manifest says. Report it on {page_of(repository)}"
        "/discussions; HubCorpus.from_repository takes as revision= another commit, and as files= a pattern without this file."
    )


# Tried from the top on all reasons of an error: GatedRepoError is a RepositoryNotFoundError, and all are HfHubHTTPError.
MESSAGES = (
    (OfflineModeIsEnabled, _offline),
    (GatedRepoError, _gated),
    (RevisionNotFoundError, _no_revision),
    ((RepositoryNotFoundError, HFValidationError), _no_repository),
    (HfHubHTTPError, _status),
    ((httpx.TransportError, ConnectionError, TimeoutError), _connection),
)
