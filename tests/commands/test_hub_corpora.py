"""Corpora of the Hub by name, from the shell."""

import json

import pytest
from hub_replicas import serve_fineweb2, serve_paragraphs

from optimum_multilingual.corpora.catalog import find_entry, load_catalog

pytestmark = pytest.mark.usefixtures("own_cache")


SIZE = ("--num-rows", 4, "--sequence-length", 48)


def test_the_catalogue_is_listed_without_asking_the_hub(cli, hub):
    code, out, err = cli("corpora")
    assert (code, err, hub.requests) == (0, "", [])
    lines = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert list(lines) == list(load_catalog())
    assert lines["flores_plus"].split()[1:4] == ["openlanguagedata/flores_plus", "yes", "evaluation"]


def test_one_corpus_is_described(cli):
    code, out, err = cli("corpora", "culturax")
    assert (code, err) == (0, "")
    for words in ("https://huggingface.co/datasets/uonlp/CulturaX", "hf auth login", find_entry("culturax").revision):
        assert words in out
    assert "not against the Hub itself" in out


def test_an_unknown_corpus_is_one_line_with_a_suggestion(cli):
    code, out, err = cli("corpora", "wikipedai")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "Did you mean 'wikipedia'" in err


def test_the_languages_of_a_corpus_are_listed(cli, fineweb2):
    code, out, err = cli("languages", "--corpus", "fineweb2")
    assert (code, err) == (0, "")
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [["eng_Latn", "en", "yes"], ["swh_Latn", "sw", "yes"]]


def test_a_set_is_verified_at_the_commit_of_its_manifest_or_against_what_is_given(cli, hub, tmp_path, tiny_model_path):
    older = "a" * 40
    serve_fineweb2(hub, tmp_path, revision=older)
    hub.add(
        "datasets", "HuggingFaceFW/fineweb-2", tmp_path / "HuggingFaceFW/fineweb-2", find_entry("fineweb2").revision
    )
    folder = tmp_path / "set"
    code, _, err = cli(
        "calibrate", tiny_model_path, "--corpus", "fineweb2", "--languages", "en", "sw", *SIZE, "--output", folder
    )
    assert code == 0, err
    path = folder / "calibration_manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    code, out, _ = cli("calibrate", tiny_model_path, "--verify", path)
    assert (code, out.split(":")[0]) == (0, "identical")

    (tmp_path / "mine").mkdir()
    for name in ("en", "sw"):
        lines = [f"Line {n} of {name} tells of {n * 7} things." for n in range(100)]
        (tmp_path / "mine" / f"{name}.txt").write_text("\n".join(lines))
    code, out, _ = cli("calibrate", tiny_model_path, "--corpus", tmp_path / "mine", "--verify", path)
    assert (code, out.split(":")[0]) == (1, "different")

    manifest["corpus"]["revision"] = older
    path.write_text(json.dumps(manifest), encoding="utf-8")
    code, out, err = cli("calibrate", tiny_model_path, "--verify", path)
    assert (code, out) == (1, "") and f"has no revision '{older}'" in err
    serve_fineweb2(hub, tmp_path, revision=older)
    code, out, _ = cli("calibrate", tiny_model_path, "--verify", path)
    assert (code, out.split(":")[0]) == (0, "identical")


def test_a_set_of_text_that_may_not_be_published_again_says_so(cli, hub, tmp_path, tiny_model_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    serve_paragraphs(hub, "culturax", tmp_path, {"sw/sw_part_00000.parquet": ("sw", range(96))})
    hub.repositories["datasets", "uonlp/CulturaX"].readers.add("hf_reader")
    folder, text = tmp_path / "set", tmp_path / "text"
    code, out, _ = cli(
        "calibrate", tiny_model_path, "--corpus", "culturax", "--languages", "sw", *SIZE, "--output", folder
    )
    assert code == 0 and "The text of culturax may not be published again, nor may its token ids" in out
    code, _, err = cli("export", folder, "--to", "text", "--tokenizer", tiny_model_path, "--output", text)
    assert code == 1 and "may not be published again" in err and not text.exists()


@pytest.mark.parametrize(("corpus", "words"), [
    ("flores_plus", "for evaluation only, not for calibration"),
    ("fineweb-2", "Did you mean 'fineweb2'"),
    ("glotcc", "There is no dataset cis-lmu/GlotCC-V1"),
])  # fmt: skip
def test_a_corpus_that_cannot_be_used_is_one_line(cli, hub, tmp_path, tiny_model_path, corpus, words):
    arguments = ("--corpus", corpus, "--languages", "sw", "--output", tmp_path / "set")
    code, out, err = cli("calibrate", tiny_model_path, *arguments)
    assert (code, out, err.strip().count("\n")) == (1, "", 0)
    assert words in err and not (tmp_path / "set").exists()
