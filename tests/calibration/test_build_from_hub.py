"""From the name of a corpus to rows and held-out text, through a Hub on this machine."""

import json
import os
import subprocess
import sys

import pytest
from hub_replicas import serve_paragraphs, write_rows

from optimum_multilingual import (
    CalibrationSet,
    EvaluationConfig,
    HubCorpus,
    MultilingualCalibrationConfig,
    build_calibration_set,
    export_text,
)
from optimum_multilingual.calibration.calibration_set import Manifest
from optimum_multilingual.calibration.rebuild import rebuild
from optimum_multilingual.corpora import open_corpus
from optimum_multilingual.corpora.catalog import find_entry
from optimum_multilingual.errors import CalibrationSetError, ConfigError, CorpusError
from optimum_multilingual.evaluation.evaluator import prepare_evaluation
from optimum_multilingual.languages import find_language

SW, EN = find_language("sw"), find_language("en")
BUILD = """
import sys
from transformers import AutoTokenizer
from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
config = MultilingualCalibrationConfig(languages=["sw", "en"], corpus="fineweb2", num_rows=6, sequence_length=64)
print(build_calibration_set(config, AutoTokenizer.from_pretrained(sys.argv[1])).fingerprint)
"""


pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def gated(hub, tmp_path, monkeypatch):
    """Serves a gated dataset to which there is access."""

    def serve(name, files):
        serve_paragraphs(hub, name, tmp_path, files)
        hub.repositories["datasets", find_entry(name).repository].readers.add("hf_reader")
        monkeypatch.setenv("HF_TOKEN", "hf_reader")

    return serve


@pytest.fixture
def flores(gated):
    gated("flores_plus", {f"devtest/{tag}.jsonl": (tag, range(96)) for tag in ("swh_Latn", "eng_Latn")})


def config(corpus="fineweb2", **settings):
    return MultilingualCalibrationConfig(
        **{"languages": ["sw", "en"], "corpus": corpus, "num_rows": 6, "sequence_length": 64, **settings}
    )


def files_of(ids):
    return {id.split(":")[0] for id in ids}


def asked_for_text(hub):
    return [request for request in hub.requests if "/resolve/" in request]


def test_a_set_is_built_and_its_manifest_says_from_which_commits(fineweb2, tokenizer):
    built = build_calibration_set(config(), tokenizer)
    assert built.rows_of_languages() == {"swh_Latn": 3, "eng_Latn": 3}
    described = built.manifest.corpus
    assert (described["kind"], described["name"], described["licence"]) == ("hub", "fineweb2", "ODC-By 1.0")
    assert described["revision"] == find_entry("fineweb2").revision
    assert described["elsewhere"]["eng_Latn"]["revision"] == find_entry("fineweb").revision
    drawn = built.manifest.documents
    assert all(path.startswith("data/swh_Latn/train/") for path in files_of(drawn["swh_Latn"].values()))
    assert files_of(drawn["eng_Latn"].values()) == {"sample/10BT/000_00000.parquet"}


def test_the_seed_decides_which_files_come_first(fineweb2, tokenizer):
    one, other, again = (build_calibration_set(config(seed=seed, cache=False), tokenizer) for seed in (1, 2, 1))
    assert one == again and one.fingerprint != other.fingerprint


def test_evaluation_takes_the_files_of_its_own(fineweb2, tokenizer):
    settings = config(evaluation=EvaluationConfig(tokens_per_language=100))
    calibration = build_calibration_set(settings, tokenizer).manifest
    held_out = prepare_evaluation(settings, (SW, EN), tokenizer, None, None, [calibration]).documents
    assert files_of(document.id for document in held_out[SW]) == {"data/swh_Latn/test/000_00000.parquet"}
    ids = {document.id for document in held_out[EN]}
    assert len(ids) >= 8 and not ids & set(calibration.documents["eng_Latn"].values())


def test_test_files_are_not_calibrated_on_where_evaluation_has_another_corpus(fineweb2, tokenizer):
    built = build_calibration_set(config(evaluation=EvaluationConfig(corpus="embedded")), tokenizer)
    assert built.manifest.part == "calibration"


def test_flores_is_refused_for_calibration_before_any_request(hub, flores, tokenizer):
    with pytest.raises(
        ConfigError, match=r"The corpus flores_plus is for evaluation only, not for calibration"
    ) as caught:
        build_calibration_set(config("flores_plus"), tokenizer)
    assert "'fineweb2'" in str(caught.value) and "evaluation.corpus=" in str(caught.value)
    assert hub.requests == []


def test_flores_is_evaluated_on_whole(fineweb2, flores, tokenizer):
    settings = config(evaluation=EvaluationConfig(corpus="flores_plus", tokens_per_language=10**6))
    evaluation = prepare_evaluation(settings, (SW, EN), tokenizer, None)
    assert {language.tag: len(found) for language, found in evaluation.documents.items()} == {
        "swh_Latn": 96,
        "eng_Latn": 96,
    }
    assert (evaluation.corpus["name"], evaluation.corpus["republish"]) == ("flores_plus", False)


def test_flores_keeps_its_terms_when_it_is_named_by_its_repository(flores, tokenizer):
    corpus = HubCorpus.from_repository("openlanguagedata/flores_plus", "devtest/{code}.jsonl")
    with pytest.raises(ConfigError, match="openlanguagedata/flores_plus is for evaluation only"):
        build_calibration_set(config(corpus), tokenizer)


def test_a_second_build_comes_from_the_cache_without_any_request(hub, fineweb2, tokenizer):
    built = build_calibration_set(config(), tokenizer)
    assert asked_for_text(hub)
    hub.requests.clear()
    assert build_calibration_set(config(), tokenizer) == built
    assert hub.requests == []


def test_a_built_set_is_there_offline(fineweb2, tokenizer, tiny_model_path):
    built = build_calibration_set(config(), tokenizer)
    command = [sys.executable, "-c", BUILD, str(tiny_model_path)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == built.fingerprint, done.stderr


def test_a_new_commit_of_a_branch_is_read_anew(hub, tmp_path, tokenizer):
    texts = [document.text for document in open_corpus("embedded").documents(SW)]
    fingerprints = set()
    for commit in ("1" * 40, "2" * 40):
        write_rows(tmp_path / "mine" / "sw.jsonl", [{"text": f"{text} {commit[0]}"} for text in texts])
        hub.add("datasets", "me/texts", tmp_path / "mine", commit)
        corpus = HubCorpus.from_repository("me/texts", "{code}.jsonl")
        built = build_calibration_set(config(corpus, languages=["sw"]), tokenizer)
        assert built.manifest.corpus["revision"] == commit
        fingerprints.add(built.fingerprint)
    assert len(fingerprints) == 2


def test_a_manifest_rebuilds_its_set_from_its_commits(hub, fineweb2, tokenizer):
    built = build_calibration_set(config(), tokenizer)
    manifest = Manifest.from_dict(json.loads(json.dumps(built.manifest.to_dict())))
    comparison = rebuild(manifest, HubCorpus.from_description(manifest.corpus), tokenizer)
    assert comparison.identical and comparison.rebuilt == built


def test_text_that_may_not_be_published_again_is_not_exported(gated, tokenizer, tmp_path):
    gated("culturax", {"sw/sw_part_00000.parquet": ("sw", range(96))})
    built = build_calibration_set(config("culturax", languages=["sw"]), tokenizer)
    built.save(tmp_path / "set")
    with pytest.raises(CalibrationSetError, match="The text of culturax may not be published again"):
        export_text(CalibrationSet.load(tmp_path / "set"), tokenizer, tmp_path / "text")
    assert not (tmp_path / "text").exists()
    manifest = (tmp_path / "set" / "calibration_manifest.json").read_text(encoding="utf-8")
    assert next(open_corpus("embedded").documents(SW)).text[:20] not in manifest


def test_shares_by_the_amount_of_text_are_refused(hub, fineweb2, tokenizer):
    with pytest.raises(ConfigError, match=r"far too large to be read to its end; give the shares as weights"):
        build_calibration_set(config(mixture="proportional"), tokenizer)
    assert not asked_for_text(hub)


def test_a_language_that_is_not_there_is_refused_before_text_is_read(hub, fineweb2, tokenizer):
    with pytest.raises(CorpusError, match=r"\(fineweb2\) has no Basque \(eus_Latn\)"):
        build_calibration_set(config(languages=["sw", "eu"]), tokenizer)
    assert not asked_for_text(hub)
