"""A Hub of one machine that can be written to: what `hub_server` serves, and the part of the API that uploads use.

    hub = UploadHub()
    hub.accounts["hf_me"] = {"me"}                          a token, and the names it may write under
    hub.commits                                             every commit, with the files it brought, decoded
    hub.bodies                                              every request body as it came: [("POST /api/...", b"..."), ...]
    hub.objects                                             large files by their SHA-256

Large files go over git-LFS, for which clients are told HF_HUB_DISABLE_XET; the other protocol of the Hub, Xet, is a binary one
of its own servers. A file is large if its name says so, as in the .gitattributes of a new repository, or if it has 10 MB.

Source: the requests that huggingface_hub 1.33 makes, and what its code expects as answers.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import tempfile
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml
from hub_server import _API, ROUTES, Handler, HubAnswerError, HubServer, Repository

LARGE = ("*.safetensors", "*.gguf", "*.bin", "*.png")
LICENCES = ("apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "llama3.2", "gemma", "other")


@dataclass
class Commit:
    """One commit: what it said, and what it changed."""

    repository: str
    branch: str
    oid: str
    summary: str
    parent: str | None
    files: dict[str, bytes]
    deleted: list[str]


@dataclass
class WrittenRepository(Repository):
    """A repository with branches and pull requests; `folder` and `commit` are those of main."""

    owner: str = ""
    branches: dict[str, tuple[str, Path]] = field(default_factory=dict)

    def at(self, revision: str) -> Repository | None:
        for name, (commit, folder) in self.branches.items():
            if revision in (name, commit) or (revision == "" and name == "main"):
                return Repository(folder, commit, self.gated, self.readers, self.private)
        return None


class UploadHub(HubServer):
    """The server; tokens that are in `accounts` may write."""

    def __init__(self) -> None:
        self.accounts: dict[str, set[str]] = {}
        self.commits: list[Commit] = []
        self.bodies: list[tuple[str, bytes]] = []
        self.objects: dict[str, bytes] = {}
        self.verified: list[str] = []
        self.numbers = itertools.count()
        self.home = tempfile.TemporaryDirectory(prefix="hub-server-")
        super().__init__(UploadHandler)

    def clear(self) -> None:
        super().clear()
        for each in (self.accounts, self.commits, self.bodies, self.objects, self.verified):
            each.clear()

    def files_of(self, id: str, branch: str = "main") -> dict[str, bytes]:
        """What a repository holds now."""
        _, folder = self.repositories["models", id].branches[branch]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def write(self, id: str, files: dict[str, bytes], branch: str = "main", deleted: tuple[str, ...] = ()) -> str:
        """Adds a commit, as somebody else would."""
        repository = self.repositories["models", id]
        _, before = repository.branches.get(branch) or repository.branches["main"]
        # Clients keep files by commit, so no two may be alike, in other tests neither.
        oid = hashlib.sha1(f"{id} {next(self.numbers)}".encode()).hexdigest()
        folder = Path(self.home.name) / oid
        kept = {path.relative_to(before).as_posix(): path for path in before.rglob("*") if path.is_file()}
        for name, content in {**{name: path.read_bytes() for name, path in kept.items()}, **files}.items():
            if name not in deleted or name in files:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
        folder.mkdir(exist_ok=True)
        repository.branches[branch] = (oid, folder)
        if branch == "main":
            repository.commit, repository.folder = oid, folder
        return oid


class UploadHandler(Handler):
    """The routes of uploads."""

    def _route(self, path: str) -> None:
        self.server.hub.bodies.append((f"{self.command} {path}", self.body))
        super()._route(path)

    def _routes(self) -> tuple[Any, ...]:
        return (*UPLOAD_ROUTES, *ROUTES)

    def _require_writer(self, owner: str) -> None:
        accounts = self.server.hub.accounts
        if self.token not in accounts:
            # The Hub tells a wrong token from none by this message, and so does its client.
            said = "Invalid credentials in Authorization header" if self.token else "Invalid username or password."
            raise HubAnswerError(401, "", said)
        if owner not in accounts[self.token]:
            raise HubAnswerError(403, "", f"You don't have the rights to write under the namespace {owner}")

    def create(self, named: dict[str, str]) -> None:
        asked = json.loads(self.body)
        owner = asked["organization"]
        self._require_writer(owner)
        hub, id = self.server.hub, f"{owner}/{asked['name']}"
        address = {"url": f"{hub.url}/{id}"}
        if ("models", id) in hub.repositories:
            self._send(409, json.dumps({**address, "error": "You already created this model repo"}).encode(), {})
            return
        folder = Path(tempfile.mkdtemp(dir=hub.home.name))
        first = hashlib.sha1(id.encode()).hexdigest()
        private = asked.get("visibility") == "private"
        repository = WrittenRepository(folder, first, private=private, owner=owner, branches={"main": (first, folder)})
        hub.repositories["models", id] = repository
        hub.write(id, {".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"})
        self._send_json(address)

    def branch(self, named: dict[str, str]) -> None:
        self._require_writer(named["id"].partition("/")[0])
        repository = self._written(named)
        if named["branch"] in repository.branches:
            raise HubAnswerError(409, "", "Reference already exists")
        repository.branches[named["branch"]] = repository.branches["main"]
        self._send_json({})

    def validate(self, named: dict[str, str]) -> None:
        errors = problems_of(json.loads(self.body)["content"])
        answer = {"errors": [{"message": each} for each in errors], "warnings": []}
        self._send(400 if errors else 200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def preupload(self, named: dict[str, str]) -> None:
        if self.query.get("create_pr") != "1":
            self._require_writer(named["id"].partition("/")[0])
        _, folder = self._branch_of(named)
        answer = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if is_large(file["path"], file["size"]) else "regular",
                "shouldIgnore": False,
                "oid": _oid(folder / file["path"]),
            }
            for file in json.loads(self.body)["files"]
        ]
        self._send_json({"files": answer})

    def lfs_batch(self, named: dict[str, str]) -> None:
        hub, answers = self.server.hub, []
        for wanted in json.loads(self.body)["objects"]:
            answer = dict(wanted)
            if wanted["oid"] not in hub.objects:
                upload = {"href": f"{hub.url}/lfs/{wanted['oid']}", "header": {}}
                verify = {"href": f"{hub.url}/{named['id']}.git/info/lfs/verify", "header": {}}
                answer["actions"] = {"upload": upload, "verify": verify}
            answers.append(answer)
        self._send_json({"transfer": "basic", "objects": answers})

    def lfs_put(self, named: dict[str, str]) -> None:
        if hashlib.sha256(self.body).hexdigest() != named["oid"]:
            raise HubAnswerError(400, "", "the content has another SHA-256")
        self.server.hub.objects[named["oid"]] = self.body
        self._send(200, b"", {})

    def lfs_verify(self, named: dict[str, str]) -> None:
        wanted = json.loads(self.body)
        if len(self.server.hub.objects.get(wanted["oid"], b"")) != wanted["size"]:
            raise HubAnswerError(404, "EntryNotFound", "no such object")
        self.server.hub.verified.append(wanted["oid"])
        self._send_json({})

    def commit(self, named: dict[str, str]) -> None:
        hub, pull_request = self.server.hub, self.query.get("create_pr") == "1"
        if not pull_request:
            self._require_writer(named["id"].partition("/")[0])
        lines = [json.loads(line) for line in self.body.splitlines()]
        header, files, deleted = lines[0]["value"], {}, []
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = hub.objects[value["oid"]]
            else:
                deleted.append(value["path"])
        repository, branch = self._written(named), named["revision"]
        head, _ = self._branch_of(named)
        if header.get("parentCommit") not in (None, head):
            raise HubAnswerError(412, "", "A commit has happened since. Please refresh and try again.")
        if pull_request:
            branch = f"refs/pr/{sum(name.startswith('refs/pr/') for name in repository.branches) + 1}"
        oid = hub.write(named["id"], files, branch, tuple(deleted))
        hub.commits.append(
            Commit(named["id"], branch, oid, header["summary"], header.get("parentCommit"), files, deleted)
        )
        answer = {"commitUrl": f"{hub.url}/{named['id']}/commit/{oid}", "commitOid": oid}
        if pull_request:
            answer["pullRequestUrl"] = f"{hub.url}/{named['id']}/discussions/{branch.rpartition('/')[2]}"
        self._send_json(answer)

    def _written(self, named: dict[str, str]) -> Any:
        repository = self.server.hub.repositories.get(("models", named["id"]))
        if repository is None:
            raise HubAnswerError(404, "RepoNotFound", "Repository not found")
        return repository

    def _branch_of(self, named: dict[str, str]) -> tuple[str, Path]:
        branches = self._written(named).branches
        if named["revision"] not in branches:
            raise HubAnswerError(404, "RevisionNotFound", f"Invalid rev id: {named['revision']}")
        return branches[named["revision"]]


def is_large(path: str, size: int) -> bool:
    """Whether a file goes over LFS."""
    return size >= 10_000_000 or any(fnmatch(path, pattern) for pattern in LARGE)


def problems_of(card: str) -> list[str]:
    """What the Hub would not accept in the front matter of a model's card, as far as its documentation says."""
    found = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    values = yaml.safe_load(found[1]) if found else {}
    problems = []
    languages = values.get("language") or []
    listed = languages if isinstance(languages, list) else [languages]
    if not all(isinstance(each, str) and re.fullmatch("[a-z]{2,3}|code|multilingual", each) for each in listed):
        problems.append(f'"language" must only contain ISO 639 codes, got {listed}')
    if "license" in values and values["license"] not in LICENCES:
        problems.append(f'"license" must be one of {LICENCES}')
    if values.get("base_model_relation", "quantized") not in ("quantized", "finetune", "adapter", "merge"):
        problems.append('"base_model_relation" is unknown')
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", values.get("base_model", "me/model")):
        problems.append('"base_model" must be a model id')
    for model in values.get("model-index", []):
        for result in model["results"]:
            if not (result["task"]["type"] and result["dataset"]["type"] and result["dataset"]["name"]):
                problems.append('"model-index" lacks a task or a dataset')
            problems += ["a metric lacks its value" for metric in result["metrics"] if "value" not in metric]
    return problems


def _oid(path: Path) -> str | None:
    """How the client compares a file with its own: SHA-256 of a large one, git's SHA-1 of any other."""
    if not path.is_file():
        return None
    data = path.read_bytes()
    if is_large(path.name, len(data)):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


_LFS = r"/(?P<id>[^/]+/[^/]+)\.git/info/lfs"
UPLOAD_ROUTES = (
    (("POST",), r"/api/repos/create", UploadHandler.create),
    (("POST",), r"/api/validate-yaml", UploadHandler.validate),
    (("POST",), _API + r"/branch/(?P<branch>[^/]+)", UploadHandler.branch),
    (("POST",), _API + r"/preupload/(?P<revision>[^/]+)", UploadHandler.preupload),
    (("POST",), _API + r"/commit/(?P<revision>[^/]+)", UploadHandler.commit),
    (("POST",), _LFS + r"/objects/batch", UploadHandler.lfs_batch),
    (("POST",), _LFS + r"/verify", UploadHandler.lfs_verify),
    (("PUT",), r"/lfs/(?P<oid>[0-9a-f]{64})", UploadHandler.lfs_put),
)
