"""`optimum-cli multilingual push`, and reports by the names of published models."""

from __future__ import annotations

import json

import pytest

from optimum_multilingual import compare_reports

CONFIG = {"model_type": "llama", "quantization_config": {"quant_method": "gptq", "bits": 4}}


@pytest.fixture
def folder(measured_report, tmp_path):
    """A checkpoint as small as one can be: nothing reads weights that are sent."""

    def make(name, report):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(CONFIG))
        (tmp_path / name / "model.safetensors").write_bytes(b"weights")
        report.save(tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture
def me(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_me")
    hub.accounts["hf_me"] = {"me"}
    return hub


def test_help_shows_real_commands(cli):
    code, out, _ = cli("push", "--help")
    assert code == 0 and "optimum-cli multilingual push" in out.split("examples:")[1]


def test_a_dry_run_prints_files_and_card_and_a_push_prints_where_it_is(cli, me, folder, measured_report):
    path = folder("four", measured_report({"en": 0.1, "sw": 0.3}))
    code, out, err = cli("push", path, "me/four", "--dry-run", "--licence", "mit", "--base-model", "me/base")
    assert code == 0, err
    assert (
        out.startswith("would be sent to me/four\n")
        and "model.safetensors" in out
        and "## What each language lost" in out
    )
    assert "base_model: me/base" in out and "license: mit" in out
    assert not me.repositories

    code, out, err = cli("push", path, "me/four", "--private", "--commit-message", "Four bits")
    assert code == 0, err
    assert out.splitlines()[-1] == f"{me.url}/me/four/commit/{me.commits[0].oid}"
    assert me.commits[0].summary == "Four bits" and me.repositories["models", "me/four"].private


def test_two_published_models_are_compared_by_name(cli, me, folder, measured_report):
    reports = [measured_report({"en": 0.1, "sw": 0.6}, {"bits": 3}), measured_report({"en": 0.1, "sw": 0.3})]
    for name, report in zip(("three", "four"), reports):
        assert cli("push", folder(name, report), f"me/{name}")[0] == 0
    assert cli("report", "me/three", "me/four") == (0, f"{compare_reports(reports)}\n", "")
    assert cli("report", "me/four") == (0, f"{reports[1]}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "me/model"], "nothing is no folder"),
        (["four", "model"], "names no owner"),
        (["four", "them/model"], "HTTP 403"),
        (["four", "them/model", "--create-pr"], "There is no model them/model"),
        (["four", "me/model", "--include", "x/*"], "finds no file"),
        (["four", "me/model", "--base-model", "/data/models/base-typo"], "is no folder with a name on this machine"),
    ],
)
def test_mistakes_are_one_line(cli, me, folder, measured_report, monkeypatch, tmp_path, arguments, message):
    folder("four", measured_report({"en": 0.1}))
    monkeypatch.chdir(tmp_path)
    code, out, err = cli("push", *arguments)
    assert code == 1 and out == "" and message in err and err.count("\n") == 1
    assert me.commits == []


def test_private_refuses_a_repository_that_is_public(cli, me, folder, measured_report):
    path = folder("four", measured_report({"en": 0.1}))
    assert cli("push", path, "me/model")[0] == 0
    code, out, err = cli("push", path, "me/model", "--private", "--licence", "mit")
    assert code == 1 and out == "" and "me/model is public already, and private=True (--private)" in err
    assert err.count("\n") == 1 and len(me.commits) == 1


def test_new_refuses_a_name_that_is_taken(cli, me, folder, measured_report):
    path = folder("four", measured_report({"en": 0.1}))
    assert cli("push", path, "me/model", "--new")[0] == 0
    code, _, err = cli("push", path, "me/model", "--new")
    assert code == 1 and "There is a model me/model already, and exist_ok=False (--new)" in err
