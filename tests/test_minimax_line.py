"""Shares that are searched inside the one line."""

from dataclasses import replace

import pytest
import torch
from one_line import SMALL, logits_of
from transformers import AutoModelForCausalLM

from optimum_multilingual import MultilingualCalibrationConfig
from optimum_multilingual.analysis.minimax_sets import MinimaxSets
from optimum_multilingual.calibration.rebuild import rebuild
from optimum_multilingual.corpora import open_corpus
from optimum_multilingual.evaluation.evaluator import prepare_evaluation
from optimum_multilingual.report.searched_shares import describe_search, search_lines

CONFIG = MultilingualCalibrationConfig(
    "gptq", bits=3, languages=["en", "sw"], mixture="minimax", search_steps=2, **{**SMALL, "num_rows": 8}
)


def quantize(path, config):
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, quantization_config=config)


@pytest.fixture(scope="module")
def searched(tiny_model_path):
    return quantize(tiny_model_path, replace(CONFIG, seeds=2))


def test_the_manifest_and_the_report_say_what_the_search_came_to(searched):
    manifest, report = searched.calibration_manifest, searched.multilingual_report
    found = manifest.mixture
    assert found["kind"] == "minimax" and found["steps"] in (2, 3, 4)
    rows = {tag: entry["rows"] for tag, entry in manifest.languages.items()}
    assert sum(rows.values()) == 8 and found["improved"] == (rows != {"eng_Latn": 4, "swh_Latn": 4})
    assert report.calibration["mixture"] == found
    assert f"shares: {describe_search(found)}; rows: English {rows['eng_Latn']}" in str(report)


def test_the_rows_are_built_again_from_the_manifest_alone(searched, tokenizer):
    manifest = searched.calibration_manifest
    again = rebuild(manifest, open_corpus("embedded"), tokenizer)
    assert again.identical and again.rebuilt.fingerprint == manifest.fingerprint
    assert again.rebuilt.manifest.documents == manifest.documents


def test_the_shares_found_give_the_same_model_and_numbers_without_a_search(searched, tiny_model_path):
    shares = {tag: entry["rows"] for tag, entry in searched.calibration_manifest.languages.items()}
    given = quantize(tiny_model_path, replace(CONFIG, mixture=shares, search_steps=12, seeds=2))
    assert torch.equal(logits_of(searched), logits_of(given))
    assert given.multilingual_report.scores == searched.multilingual_report.scores
    assert given.multilingual_report.draws == searched.multilingual_report.draws


@pytest.fixture(scope="module")
def prepared(tokenizer):
    return MinimaxSets.prepare(replace(CONFIG, corpus=open_corpus("embedded")), tokenizer, None)


def test_no_text_is_used_twice(prepared):
    (pool,) = prepared.pools
    for language in pool.languages:
        calibrated = set(pool.manifest.documents[language.tag].values())
        measured, tuned = (
            {document.id for document in each.documents[language]}
            for each in (prepared.evaluation, prepared.search.tuning)
        )
        assert len(measured) >= 8 and len(tuned) >= 8
        assert not measured & tuned and not (measured | tuned) & calibrated


def test_what_is_measured_on_is_what_any_other_mixture_is_measured_on(prepared, tokenizer):
    config = replace(CONFIG, mixture="uniform", search_steps=12)
    usual = prepare_evaluation(config, config.resolved_languages, tokenizer, None, SMALL["sequence_length"])
    for language, documents in usual.documents.items():
        of_search = prepared.evaluation.documents[language]
        assert [document.id for document in documents] == [document.id for document in of_search]


def test_a_search_in_words():
    change = {"value": -0.12, "low": -0.15, "high": -0.08}
    better = {"kind": "minimax", "steps": 7, "improved": True, "worst_change": change, "mean_change": change}
    assert "the best of 7 mixtures tried: KL of the worst language -12.0% (-15.0% .. -8.0%)" in describe_search(better)
    worse = {**better, "improved": False, "worst_change": None}
    assert describe_search(worse).startswith("minimax, uniform in the end: none of 7 mixtures")
    assert describe_search({"kind": "uniform"}) is None and search_lines(None) == []
