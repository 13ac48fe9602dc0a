"""Who may read what, and where a token goes."""

import json
import logging
import os
import subprocess
import sys
import traceback

import pytest
from hub_replicas import serve_replica
from hub_server import HubServer

from optimum_multilingual.corpora import open_corpus
from optimum_multilingual.corpora.catalog import find_entry, load_catalog
from optimum_multilingual.errors import HubError
from optimum_multilingual.languages import find_language

SW = find_language("sw")
TOKEN = "hf_ThisIsNobodysToken"
GATED = [entry.name for entry in load_catalog().values() if entry.gated]
READ = """
import sys
from optimum_multilingual import HubCorpus
from optimum_multilingual.corpora.catalog import find_entry
from optimum_multilingual.errors import HubError
from optimum_multilingual.languages import find_language
try:
    print(next(HubCorpus(find_entry(sys.argv[1]), retry_waits=()).documents(find_language("sw"))).id)
except HubError as error:
    print("HubError:", error)
"""


def read_in_new_process(name, **settings):
    """Reads one document in a process with these environment variables, which does not ask twice."""
    command = [sys.executable, "-c", READ, name]
    return subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("name", GATED)
@pytest.mark.parametrize("token", [None, TOKEN], ids=["without a token", "with one that has no access"])
def test_a_gated_dataset_names_its_page_and_an_open_alternative(hub, tmp_path, monkeypatch, name, token):
    serve_replica(hub, name, tmp_path)
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(HubError, match=f"{find_entry(name).repository} is gated, and you have no access") as caught:
        list(open_corpus(name).documents(SW))
    for words in (f"{hub.url}/datasets/{find_entry(name).repository}", "hf auth login", "'fineweb2' is open to all"):
        assert words in str(caught.value)
    assert hub.tokens == ({token} if token else set())


@pytest.mark.parametrize("name", ["culturax", "madlad400"])
def test_a_token_goes_to_the_hub_alone_and_into_no_error_log_or_description(hub, tmp_path, monkeypatch, caplog, name):
    storage = HubServer()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    caplog.set_level(logging.DEBUG)
    for server in (hub, storage):
        serve_replica(server, name, tmp_path, readers=(TOKEN,))
    storage.repositories["datasets", find_entry(name).repository].gated = False
    hub.files_at = storage.url
    corpus = open_corpus(name)
    assert list(corpus.documents(SW))
    assert [request for request in storage.requests if request.startswith("GET") and "/resolve/" in request]
    assert (hub.tokens, storage.tokens) == ({TOKEN}, set())
    assert TOKEN not in json.dumps([corpus.describe(), corpus.identity()])
    storage.fail("/resolve/", 403)
    with pytest.raises(HubError) as caught:
        list(corpus.documents(SW))
    assert TOKEN not in "".join(traceback.format_exception(caught.value)) + caplog.text
    storage.close()


def test_offline_no_request_is_made_and_the_error_says_what_to_do(hub, tmp_path):
    serve_replica(hub, "fineweb2", tmp_path)
    done = read_in_new_process("fineweb2", HF_HUB_OFFLINE="1")
    assert "HubError: The text of HuggingFaceFW/fineweb-2 is on the Hub, and HF_HUB_OFFLINE is set" in done.stdout
    assert "corpus= a folder" in done.stdout
    assert hub.requests == []


@pytest.mark.parametrize("name", ["fineweb2", "madlad400"])
def test_a_process_that_stops_in_mid_stream_ends_well(hub, tmp_path, name):
    serve_replica(hub, name, tmp_path)
    done = read_in_new_process(name)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("data/")


def test_a_hub_that_is_not_there_is_an_error():
    closed = HubServer()
    closed.close()
    done = read_in_new_process("fineweb2", HF_ENDPOINT=closed.url)
    assert f"HubError: The connection to {closed.url} failed" in done.stdout
