"""A Hugging Face Hub of one machine: serves folders through the part of the Hub's HTTP API that its clients use.

    server = HubServer()                                    on a free port of the loopback
    server.add("datasets", "me/texts", folder)              returns the commit that `main` is at
    server.fail("/resolve/.*parquet", status=503, times=2)  the next two requests that match
    server.requests                                         ["GET /api/datasets/me/texts/revision/main", ...]
    server.tokens                                           tokens that came with any request
    server.files_at = other.url                             files are sent from there, as the Hub does with large ones

Clients find it through HF_ENDPOINT, which they read when they are imported; tests/conftest.py sets it before.

Source: the requests that huggingface_hub 1.33 and datasets 5.2 make, and what their code expects as answers.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PAGE_SIZE = 50  # The Hub itself sends 1,000 entries a page; fewer make small tests turn pages.


@dataclass
class Repository:
    """Files of one repository at one commit, and who may read them.

    Args:
        folder: the files.
        commit: what `main` is at; every other revision is unknown.
        gated: whether a token among `readers` is needed for the files; anyone may list them.
        readers: tokens with access.
        private: whether the Hub says so; anyone may read here.
    """

    folder: Path
    commit: str
    gated: bool = False
    readers: set[str] = field(default_factory=set)
    private: bool = False

    def at(self, revision: str) -> Repository | None:
        """The files at a commit or branch; None where there is none of that name."""
        return self if revision in ("", "main", self.commit) else None

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())


@dataclass
class Fault:
    """What the next `times` requests whose path matches get instead of an answer.

    Args:
        path: regular expression, searched in "METHOD /path".
        status: HTTP status; None to send half of the answer and cut the connection.
        times: how often.
        headers: of the answer.
    """

    path: str
    status: int | None
    times: int
    headers: dict[str, str]


class HubServer:
    """The server, in a thread of its own until `close`."""

    def __init__(self, handler: type[Handler] | None = None) -> None:
        self.repositories: dict[tuple[str, str], Any] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.tokens: set[str] = set()
        self.files_at = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler or Handler)
        self._server.daemon_threads = True
        self._server.hub = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def add(self, kind: str, id: str, folder: Path, commit: str | None = None, gated: bool = False) -> str:
        """Serves a folder as a repository; kind is "datasets" or "models"."""
        commit = commit or hashlib.sha1(f"{id} {folder}".encode()).hexdigest()
        self.repositories[kind, id] = Repository(Path(folder), commit, gated)
        return commit

    def fail(
        self, path: str, status: int | None, times: int = 1_000_000, headers: dict[str, str] | None = None
    ) -> None:
        self.faults.append(Fault(path, status, times, headers or {}))

    def clear(self) -> None:
        """Forgets all it was told and asked."""
        self.repositories.clear()
        self.faults.clear()
        self.requests.clear()
        self.tokens.clear()
        self.files_at = ""

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fault_for(self, request: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.path, request):
                fault.times -= 1
                return fault
        return None


class HubAnswerError(Exception):
    """An answer that is no success, as the Hub sends it.

    Args:
        status: HTTP status.
        code: of the header X-Error-Code, by which clients tell one 404 from another.
        message: for people.
    """

    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Code": code, "X-Error-Message": message}


class Handler(BaseHTTPRequestHandler):
    """Answers one request: a route, an action on a repository, and whatever a fault makes of it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms for its body
    server: Any

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        self.query = {key: values[0] for key, values in parse_qs(url.query).items()}
        request = f"{self.command} {unquote(url.path)}"
        self.server.hub.requests.append(request)
        self.token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.token:
            self.server.hub.tokens.add(self.token)
        fault = self.server.hub.fault_for(request)
        if fault is not None and fault.status is not None:
            self._send(fault.status, b"{}", fault.headers)
            return
        self.cut = fault is not None
        try:
            self._route(url.path)
        except HubAnswerError as failure:
            self._send(failure.status, json.dumps({"error": str(failure)}).encode(), failure.headers)

    def _route(self, path: str) -> None:
        for method, pattern, action in self._routes():
            found = re.fullmatch(pattern, path)
            if found and self.command in method:
                named = {key: unquote(value or "") for key, value in found.groupdict().items()}
                action(self, named)
                return
        raise HubAnswerError(404, "NotFound", f"no such route: {self.command} {path}")

    def _routes(self) -> tuple[Any, ...]:
        return ROUTES

    def _repository(self, named: dict[str, str]) -> Repository:
        repository = self.server.hub.repositories.get((named["kind"] or "models", named["id"]))
        if repository is None:
            raise HubAnswerError(404, "RepoNotFound", "Repository not found")
        found = repository.at(named["revision"])
        if found is None:
            raise HubAnswerError(404, "RevisionNotFound", f"Invalid rev id: {named['revision']}")
        return found

    def info(self, named: dict[str, str]) -> None:
        repository = self._repository(named)
        siblings = [{"rfilename": name} for name in repository.files()]
        gated = "auto" if repository.gated else False
        told = {"gated": gated, "private": repository.private, "siblings": siblings}
        self._send_json({"id": named["id"], "sha": repository.commit, **told})

    def tree(self, named: dict[str, str]) -> None:
        repository = self._repository(named)
        folder = repository.folder / named["path"]
        if not folder.is_dir():
            raise HubAnswerError(404, "EntryNotFound", f"{named['path']} does not exist")
        found = folder.rglob("*") if self.query.get("recursive", "").lower() == "true" else folder.iterdir()
        entries = [_entry(repository, path) for path in sorted(found)]
        start = int(self.query.get("cursor", 0))
        more = {}
        if start + PAGE_SIZE < len(entries):
            following = f"{self.server.hub.url}{self.path.split('?')[0]}?cursor={start + PAGE_SIZE}"
            more["Link"] = f'<{following}&recursive={self.query.get("recursive", "")}>; rel="next"'
        self._send_json(entries[start : start + PAGE_SIZE], more)

    def paths_info(self, named: dict[str, str]) -> None:
        repository = self._repository(named)
        asked = [repository.folder / path for path in parse_qs(self.body.decode()).get("paths", [])]
        self._send_json([_entry(repository, path) for path in asked if path.exists()])

    def resolve(self, named: dict[str, str]) -> None:
        repository = self._repository(named)
        if repository.gated and self.token not in repository.readers:
            raise HubAnswerError(
                403 if self.token else 401, "GatedRepo", f"Access to dataset {named['id']} is restricted."
            )
        path = repository.folder / named["path"]
        if not path.is_file():
            raise HubAnswerError(404, "EntryNotFound", f"{named['path']} does not exist")
        if self.server.hub.files_at:
            self._send(302, b"", {"Location": self.server.hub.files_at + self.path})
            return
        data = path.read_bytes()
        headers = {"ETag": f'"{_digest(path)}"', "X-Repo-Commit": repository.commit, "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            self._send(200, data, headers)
            return
        start, end = int(asked[1]), min(int(asked[2] or len(data)) + 1, len(data))
        if start >= len(data):
            raise HubAnswerError(416, "RangeNotSatisfiable", f"{named['path']} has {len(data)} bytes")
        self._send(206, data[start:end], {**headers, "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"})

    def _send_json(self, value: Any, headers: dict[str, str] | None = None) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if getattr(self, "cut", False):
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
            return
        self.wfile.write(data)


def _entry(repository: Repository, path: Path) -> dict[str, Any]:
    name = path.relative_to(repository.folder).as_posix()
    if path.is_dir():
        return {"type": "directory", "path": name, "oid": hashlib.sha1(name.encode()).hexdigest(), "size": 0}
    return {"type": "file", "path": name, "oid": _digest(path), "size": path.stat().st_size}


def _digest(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


_API = r"/api/(?P<kind>datasets|models)/(?P<id>[^/]+/[^/]+)"
ROUTES = (
    (("GET",), _API + r"(?:/revision/(?P<revision>[^/]+))?", Handler.info),
    (("GET",), _API + r"/tree/(?P<revision>[^/]+)(?:/(?P<path>.+))?", Handler.tree),
    (("POST",), _API + r"/paths-info/(?P<revision>[^/]+)", Handler.paths_info),
    (
        ("GET", "HEAD"),
        r"/(?:(?P<kind>datasets)/)?(?P<id>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)",
        Handler.resolve,
    ),
)
