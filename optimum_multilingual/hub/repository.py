"""One model repository of the Hub that is written to: what is there, and one commit on top of it."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, ModelInfo, constants, get_token
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from ..corpora.hub_errors import retry_after
from ..errors import HubError
from .front_matter import CARD
from .upload_errors import explain_upload, is_refusal, no_token

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# Seconds before each new try of a request that the Hub refused for the moment. Uploads of files are tried again by the
# client, five times within 23 seconds.
RETRY_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)

# What the client raises for a push that fails; an upload that fails in one of its threads is a RuntimeError.
UPLOAD_ERRORS = (HfHubHTTPError, httpx.HTTPError, OSError, ValueError, RuntimeError)


@dataclass(frozen=True)
class State:
    """What a repository holds before a push.

    Args:
        commit: the newest of the branch; None where there is no repository, no such revision, or nobody was asked.
        files: paths.
        card: its README.md.
    """

    commit: str | None = None
    files: tuple[str, ...] = ()
    card: bytes | None = None


@dataclass(frozen=True)
class ModelRepository:
    """A model repository, and how it is written to.

        repository = ModelRepository("me/model", private=True)
        state = repository.state()
        repository.create()
        repository.commit({"config.json": Path("out/config.json"), "README.md": b"..."}, [], "Upload", state.commit)

    Args:
        id: owner/name.
        revision: branch; None for the default one.
        create_pr: propose the commit as a pull request.
        private: of a repository that is made, and one that is public is refused; None as the Hub has it for the owner.
        exist_ok: whether a repository that is there may be updated.
        token: None for the one of `hf auth login` or HF_TOKEN.

    Raises:
        HubError: the name is no name of a repository, or `create_pr` is given with a revision or for a new repository.
    """

    id: str
    revision: str | None = None
    create_pr: bool = False
    private: bool | None = None
    exist_ok: bool = True
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            validate_repo_id(self.id)
        except HFValidationError as error:
            raise explain_upload(error, self.id, None) from error
        if self.id.count("/") != 1:
            raise HubError(f"{self.id!r} names no owner. Give owner/name, such as 'me/{self.id}'.")
        if self.create_pr and self.revision is not None:
            raise HubError(
                f"create_pr opens a pull request against the default branch, and revision={self.revision!r} was given beside it. "
                "Leave one of them out; to add to a pull request that is open, give revision='refs/pr/N' alone."
            )
        if self.create_pr and not self.exist_ok:
            raise HubError(
                "create_pr (--create-pr) proposes a change of a repository that exists, and exist_ok=False (--new) refuses one. "
                "Leave one of them out."
            )

    @property
    def secret(self) -> str | None:
        """The token in use; None where there is none."""
        return self.token or get_token()

    def state(self) -> State:
        """What the commit will be made on top of; an empty state where there is no such repository.

        A branch that is not there yet is made from the default one, so its state is the state of that one.

        Raises:
            HubError: the Hub cannot be asked, or the repository is public and was to be private.
        """
        if constants.HF_HUB_OFFLINE:
            return State()
        return self._ask(self._state)

    def _state(self) -> State:
        api = HfApi(token=self.token)
        try:
            info = self._info(api)
        except (RepositoryNotFoundError, RevisionNotFoundError):
            return State()
        if self.private and info.private is False:
            raise HubError(
                f"{self.id} is public already, and private=True (--private) is of a repository that is made: everyone would see "
                f"what is sent. Make it private at {constants.ENDPOINT}/{self.id}/settings first, or leave that out."
            )
        files = tuple(sibling.rfilename for sibling in info.siblings or ())
        card = None
        if CARD in files:
            card = Path(api.hf_hub_download(self.id, CARD, revision=info.sha)).read_bytes()
        return State(info.sha, files, card)

    def _info(self, api: HfApi) -> ModelInfo:
        try:
            return api.model_info(self.id, revision=self.revision)
        except RevisionNotFoundError:
            if not self._names_branch:
                raise
            return api.model_info(self.id)

    @property
    def _names_branch(self) -> bool:
        """Whether the revision is a branch that a push makes; commits and refs/pr/N are there or not."""
        return self.revision is not None and not re.fullmatch("[0-9a-f]{40}|refs/.*", self.revision)

    def create(self) -> None:
        """Makes the repository, and the branch, where they are not there yet.

        Raises:
            HubError: there is no token, it may not write, the name is taken, or the Hub cannot be asked.
        """
        if constants.HF_HUB_OFFLINE:
            raise explain_upload(OfflineModeIsEnabled(), self.id, self.revision)
        if self.secret is None:
            raise no_token()
        if self.create_pr:
            return
        self._ask(self._create)

    def _create(self) -> None:
        api = HfApi(token=self.token)
        try:
            api.create_repo(self.id, private=self.private, exist_ok=self.exist_ok)
        except HfHubHTTPError as error:
            if error.response.status_code == 409 and not self.exist_ok:
                raise HubError(
                    f"There is a model {self.id} already, and exist_ok=False (--new) was given. Give another name, or leave that "
                    "out to update it."
                ) from error
            raise
        if self._names_branch:
            assert self.revision is not None
            api.create_branch(self.id, branch=self.revision, exist_ok=True)

    def commit(
        self, files: dict[str, Path | bytes], deleted: Sequence[str], message: str, parent: str | None
    ) -> tuple[str, str | None]:
        """One commit with all files, and the addresses of the commit and of its pull request.

        Large files are uploaded before it, and what the Hub has already is not sent again: after an interruption the same call
        goes on where it ended. Nothing of them can be seen before the commit.

        Args:
            files: path in the repository to a file on disk, which is sent from where it lies, or to its content.
            deleted: paths that go.
            message: first line of the commit.
            parent: the commit this one is made on top of; None not to look.

        Raises:
            HubError: the Hub refuses it, or it has other commits by now.
        """
        operations: list[Any] = [CommitOperationDelete(path) for path in deleted]
        operations += [CommitOperationAdd(path, content) for path, content in files.items()]
        api = HfApi(token=self.token)

        def send() -> tuple[str, str | None]:
            # Not upload_folder, which makes several commits of a large folder: a checkpoint would be half there between them.
            info = api.create_commit(
                self.id,
                operations,
                commit_message=message,
                revision=self.revision,
                create_pr=self.create_pr,
                parent_commit=parent,
            )
            return info.commit_url, info.pr_url

        return self._ask(send)

    def _ask(self, call: Callable[[], Result]) -> Result:
        waits = iter(RETRY_WAITS)
        while True:
            try:
                return call()
            except UPLOAD_ERRORS as error:
                wait = next(waits, None)
                if wait is None or not is_refusal(error):
                    raise explain_upload(error, self.id, self.revision) from error
                wait = max(wait, retry_after(error))
                logger.warning("The Hub answered HTTP %s; asking again in %g seconds.", _status(error), wait)
            time.sleep(wait)


def _status(error: BaseException) -> int:
    assert isinstance(error, HfHubHTTPError)
    return error.response.status_code
