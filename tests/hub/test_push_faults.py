"""Whatever the Hub or the network can refuse ends in one error that says what to do, and a push that ended goes on."""

import hashlib
import re

import pytest
from huggingface_hub import constants

from optimum_multilingual import push_to_hub
from optimum_multilingual.errors import HubError
from optimum_multilingual.hub import push as push_module


@pytest.fixture
def out(out):
    """A checkpoint without a report, of which no plots are drawn."""
    (out / "multilingual_report.json").unlink()
    return out


def refusal(*arguments, **settings):
    with pytest.raises(HubError) as caught:
        push_to_hub(*arguments, **settings)
    assert "hf_" not in str(caught.value).replace("hf_HUB", "")
    return str(caught.value)


def uploads(hub):
    return [request for request in hub.requests if request.startswith("PUT /lfs/")]


def test_an_interrupted_upload_goes_on_where_it_ended(me, quantized, tmp_path):
    quantized.save_pretrained(tmp_path / "out", max_shard_size="500KB")
    shards = sorted((tmp_path / "out").glob("model-*.safetensors"))
    assert len(shards) > 2
    oids = [hashlib.sha256(shard.read_bytes()).hexdigest() for shard in shards]
    me.fail(f"PUT /lfs/{oids[1]}", status=400, times=1)
    assert "Push again: files that were uploaded already are not sent a second time" in refusal(
        tmp_path / "out", "me/model"
    )
    assert me.commits == [] and oids[1] not in me.objects
    there = [oid for oid in oids if oid in me.objects]

    me.requests.clear()
    push_to_hub(tmp_path / "out", "me/model")
    assert len(me.commits) == 1 and {shard.name for shard in shards} <= me.commits[0].files.keys()
    assert f"PUT /lfs/{oids[1]}" in uploads(me)
    assert there and not [oid for oid in there if f"PUT /lfs/{oid}" in uploads(me)]


def test_a_commit_whose_answer_was_lost_is_not_made_twice(me, out):
    me.fail("POST .*/commit/main", status=None, times=1)
    assert "The connection to" in refusal(out, "me/model")
    push_to_hub(out, "me/model")
    assert len(me.commits) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_commit_that_may_have_been_made_is_not_asked_for_again(me, out, status):
    me.fail("/commit/", status=status, times=1)
    assert "may have been made all the same. Push again" in refusal(out, "me/model")
    assert me.requests.count("POST /api/models/me/model/commit/main") == 1
    push_to_hub(out, "me/model")
    push_to_hub(out, "me/model")
    assert len(me.commits) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/repos/create", 429),
        ("/preupload/", 429),
        ("/objects/batch", 500),
        ("PUT /lfs/", 500),
        ("/commit/", 429),
        ("/commit/", 503),
    ],
)
def test_a_refusal_for_the_moment_is_asked_again(me, out, path, status):
    me.fail(path, status=status, times=1, headers={"Retry-After": "0"})
    push_to_hub(out, "me/model")
    assert len(me.commits) == 1


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/repos/create", 429, "HTTP 429 .* Too many requests, also after waiting.* Push again"),
        ("/commit/", 503, "HTTP 503 .* Also after waiting and asking again. Its state is on https://status"),
        ("/commit/", 409, "HTTP 409 .* Another change of this repository was in progress"),
        ("/commit/", 413, r"HTTP 413 .*max_shard_size"),
        ("/commit/", 418, "HTTP 418 .* Look at http"),
    ],
)
def test_a_refusal_for_good_says_what_to_do(me, out, path, status, words):
    me.fail(path, status=status, headers={"Retry-After": "0"})
    assert re.search(words, refusal(out, "me/model"))
    assert me.commits == []


def test_a_wrong_token_is_told_from_none(me, out, monkeypatch):
    assert "Your token was refused" in refusal(out, "me/model", token="hf_wrong")
    monkeypatch.delenv("HF_TOKEN")
    assert "without a token that may write" in refusal(out, "me/model")
    assert not me.repositories


def test_a_repository_of_another_owner_is_refused_before_a_model_is_saved(me, quantized, out, monkeypatch):
    monkeypatch.setattr(push_module, "_saved", None)  # would fail if it were called
    for model in (quantized, out):
        assert "HTTP 403 (Forbidden) for them/model. Your token may not write there" in refusal(model, "them/model")
    me.accounts["hf_them"] = {"them"}
    push_to_hub(out, "them/model", token="hf_them")
    assert "them must be you or an organization you are in" in refusal(out, "them/model", licence="mit")
    assert len(me.commits) == 1


def test_a_name_that_is_taken_is_refused_where_a_new_one_was_asked_for(me, out):
    push_to_hub(out, "me/model", exist_ok=False)
    assert "There is a model me/model already" in refusal(out, "me/model", exist_ok=False)


@pytest.mark.parametrize("settings", [{}, {"dry_run": True}, {"create_pr": True}, {"revision": "v2"}], ids=str)
def test_what_was_to_be_private_is_not_sent_to_a_repository_that_is_public(me, quantized, out, monkeypatch, settings):
    push_to_hub(out, "me/model")
    monkeypatch.setattr(push_module, "_saved", None)  # would fail if it were called
    for model in (quantized, out):
        said = refusal(model, "me/model", private=True, licence="mit", **settings)
        assert "me/model is public already" in said and f"private at {me.url}/me/model/settings first" in said
    assert len(me.commits) == 1 and me.repositories["models", "me/model"].branches.keys() == {"main"}


def test_a_private_repository_is_pushed_to_as_a_private_one(me, out):
    for licence in ("mit", "cc0-1.0"):
        push_to_hub(out, "me/model", private=True, licence=licence)
    assert len(me.commits) == 2


def test_what_changed_meanwhile_is_not_overwritten(me, out, monkeypatch):
    push_to_hub(out, "me/model")
    create = push_module.ModelRepository.create

    def create_while_somebody_writes(self):
        create(self)
        me.write("me/model", {"README.md": b"---\nlicense: mit\n---\nsomebody else\n"})

    monkeypatch.setattr(push_module.ModelRepository, "create", create_while_somebody_writes)
    assert "It was changed while this push was prepared, and nothing was overwritten" in refusal(
        out, "me/model", licence="mit"
    )
    assert b"somebody else" in me.files_of("me/model")["README.md"]


def test_a_pull_request_needs_a_repository(me, out):
    assert "There is no model them/nothing on http" in refusal(out, "them/nothing", create_pr=True)


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("me/mo del", {}, "is no name of a repository"),
        ("model", {}, "names no owner"),
        ("me/model", {"create_pr": True, "revision": "v2"}, "opens a pull request against the default branch"),
        ("me/model", {"create_pr": True, "exist_ok": False}, "proposes a change of a repository that exists"),
        (
            "me/model",
            {"base_model": "/data/models/base-typo"},
            "base_model '/data/models/base-typo' (--base-model) is no",
        ),
        ("me/model", {"base_model": "/", "dry_run": True}, "Give one of the two, or leave it out"),
    ],
)
def test_names_that_cannot_be_are_refused_first(me, out, name, settings, words):
    assert words in refusal(out, name, **settings)
    assert me.requests == []


def test_offline_a_dry_run_works_and_a_push_says_so(me, out, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert push_to_hub(out, "me/model", dry_run=True).sizes
    assert "HF_HUB_OFFLINE is set" in refusal(out, "me/model")
    assert me.requests == []


def test_a_card_that_cannot_be_read_is_not_thrown_away(me, out):
    push_to_hub(out, "me/model")
    me.write("me/model", {"README.md": b"---\nlanguage: [en\n---\nby hand\n"})
    assert "could not be kept. Repair its front matter" in refusal(out, "me/model")
    assert len(me.commits) == 1


def test_metadata_that_the_hub_refuses_is_named(me, out):
    assert '"license" must be one of' in refusal(out, "me/model", licence="my-own")
    assert me.commits == []
