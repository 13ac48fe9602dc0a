"""What the card says of sets without meaning, of formats of other engines, and of branches."""

from dataclasses import replace

import pytest
from huggingface_hub import ModelCard

from optimum_multilingual.calibration.nonsense import build_nonsense_set
from optimum_multilingual.hub.card_text import card_content
from optimum_multilingual.hub.checkpoint_folder import CheckpointFolder
from optimum_multilingual.hub.loading import packages_to_load
from optimum_multilingual.hub.model_card import CardFacts, Given

GIVEN = Given("me/model", "me/base", None, True, None)


def card_of(saved, given=GIVEN, **changes):
    return card_content(CardFacts.of(replace(CheckpointFolder.read(saved), **changes), given))


@pytest.mark.parametrize(
    ("kind", "words"), [("random-tokens", "random tokens"), ("random-punctuation", "random punctuation")]
)
def test_nonsense_is_called_what_it_is_and_is_no_language_that_was_not_measured(saved, tokenizer, kind, words):
    card = card_of(saved, manifest=build_nonsense_set(kind, tokenizer, num_rows=6, sequence_length=32).manifest)
    assert f"It was calibrated on {words}, as a baseline." in card and f"- {words}, of no corpus\n" in card
    assert "\n6 rows of 32 tokens.\n" in card
    others = {"not measured:", "No linguistic content", "--document-separator", "--keep-duplicates"}
    for untrue in {"random tokens", "random punctuation"} - {words} | others:
        assert untrue not in card


def test_languages_that_were_not_measured_are_limits(saved):
    report = CheckpointFolder.read(saved).report
    card = card_of(saved, report=replace(report, scores=report.scores[:1]))
    assert "Calibrated on, but not measured: Swahili, Chinese." in card


@pytest.mark.parametrize(
    ("written", "packages"),
    [("auto-round", ("auto-round",)), ("gptq", ("gptqmodel", "optimum")), ("awq", ("gptqmodel", "optimum"))],
)
def test_what_auto_round_writes_in_formats_of_others_is_loaded_by_their_packages(saved, written, packages):
    quantization = {"quant_method": written, "bits": 4, "group_size": 32}
    assert packages_to_load("auto-round", "auto-round", quantization) == packages
    config = CheckpointFolder.read(saved).config
    provenance = {**config["multilingual_calibration"], "method": "auto-round", "engine": "auto-round"}
    config = {**config, "multilingual_calibration": provenance, "quantization_config": quantization}
    assert f"With Transformers and {', '.join(packages)}:" in card_of(saved, config=config)


def test_results_link_the_report_of_the_branch_they_are_on(saved):
    for revision, place in ((None, "main"), ("v2", "v2"), ("tries/2", "tries%2F2")):
        data = ModelCard(card_of(saved, replace(GIVEN, revision=revision))).data
        address = f"https://huggingface.co/me/model/blob/{place}/multilingual_report.json"
        assert {result.source_url for result in data.eval_results} == {address}
