"""Languages that the calibration rows do not cover: when they are warned about, in the one line and in the report."""

import json
import logging
from dataclasses import replace

import pytest
from transformers import AutoModelForCausalLM, Qwen3MoeConfig

from optimum_multilingual import (
    EvaluationConfig,
    MultilingualCalibrationConfig,
    MultilingualReport,
    build_calibration_set,
    merge_reports,
)
from optimum_multilingual.backends.gptq import GPTQBackend
from optimum_multilingual.evaluation.evaluator import prepare_evaluation, run_reference
from optimum_multilingual.report import preflight
from optimum_multilingual.report.coverage import Coverage, coverage_lines, coverage_warnings, uncovered, usual_excess


def coverage(tag, share, calibrated, by_chance=0.1):
    return Coverage(tag, calibrated, channels=1000, exceeding=round(1000 * share), by_chance=by_chance)


def test_a_language_is_warned_about_beyond_what_those_calibrated_on_show():
    found = [
        coverage("eng_Latn", 0.12, True),
        coverage("swh_Latn", 0.08, True),
        coverage("xho_Latn", 0.14, False),
        coverage("hau_Latn", 0.25, False),
        coverage("yor_Latn", 0.25, False, by_chance=0.2),
    ]
    assert usual_excess(found) == pytest.approx(1.0)
    assert [each.language for each in uncovered(found)] == ["hau_Latn"]
    assert coverage_warnings(found) == [
        "Hausa exceeds the calibration range in 25.0% of channels, 2.5 times what its amount of text explains (languages "
        "calibrated on: 1.0 times); add it or a relative to the calibration"
    ]


def test_a_language_that_is_calibrated_on_is_never_warned_about():
    assert coverage_warnings([coverage("eng_Latn", 0.9, True), coverage("swh_Latn", 0.1, True)]) == []
    assert coverage_lines([]) == []


def test_what_few_rows_cannot_tell_is_not_called_covered():
    (line,) = coverage_lines([coverage("eng_Latn", 0.5, True, 0.2), coverage("hau_Latn", 0.6, False, 0.2)])
    assert "no language exceeds the calibration range more" in line
    (line,) = coverage_lines([coverage("eng_Latn", 0.6, True, 0.7), coverage("hau_Latn", 0.9, False, 0.7)])
    assert "calibration rows are few" in line and "in 70% of channels; take more rows" in line


def test_without_a_calibrated_language_chance_is_what_is_usual():
    (warning,) = coverage_warnings([coverage("hau_Latn", 0.16, False), coverage("yor_Latn", 0.14, False)])
    assert "Hausa" in warning and "no language calibrated on was measured" in warning


QUIET, LOUD, DIGITS = "the and of", "zxq wvk jyp", "0 1 2 3 4 5 6"


def texts(words, first):
    """400 texts of these words, told apart by a number to the base 7."""
    return [
        f"{words} {' '.join(str(number // 7**place % 7) for place in range(4))}" for number in range(first, first + 400)
    ]


TEXTS = {"en": texts(QUIET, 0), "sw": texts(QUIET, 400), "ha": texts(LOUD, 0)}


@pytest.fixture(scope="module")
def model_of_words(random_llama, word_tokenizer, tmp_path_factory):
    """A model with random weights and a tokenizer of a few words."""
    folder = tmp_path_factory.mktemp("words")
    tokenizer = word_tokenizer(f"{QUIET} {LOUD} {DIGITS}", bos_token="<s>", eos_token="</s>")
    random_llama(vocab_size=len(tokenizer), initializer_range=0.5).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def quantize(folder, languages, **settings):
    evaluation = EvaluationConfig(languages=["en", "sw", "ha"], tokens_per_language=300, bootstrap_draws=100)
    config = MultilingualCalibrationConfig(
        "gptq",
        languages=languages,
        corpus=TEXTS,
        deduplicate=False,
        num_rows=24,
        sequence_length=64,
        evaluation=evaluation,
        cache=False,
        **settings,
    )
    return AutoModelForCausalLM.from_pretrained(folder, quantization_config=config)


def test_the_one_line_warns_of_a_language_beyond_the_rows_before_it_quantizes(model_of_words, caplog, monkeypatch):
    def quantize_and_note(*args):
        before.extend(caplog.messages)
        quantized(*args)

    before, quantized = [], GPTQBackend.quantize
    monkeypatch.setattr(GPTQBackend, "quantize", quantize_and_note)
    with caplog.at_level(logging.WARNING, "optimum_multilingual"):
        report = quantize(model_of_words, ["en", "sw"]).multilingual_report
    (warning,) = [message for message in before if "calibration range" in message]
    assert warning.startswith("Hausa exceeds the calibration range in ") and "add it or a relative" in warning
    assert [(each.language, each.calibrated) for each in report.coverage] == [
        ("eng_Latn", True),
        ("swh_Latn", True),
        ("hau_Latn", False),
    ]
    assert f"warning: {warning.removesuffix('.')}" in str(report)
    assert MultilingualReport.from_dict(json.loads(report.to_json())) == report
    shares = [each.share for each in report.coverage]
    assert report.to_arrow().column("beyond_calibration").to_pylist() == shares
    assert json.loads(report.to_json())["coverage"][2]["share"] == shares[2] > 2 * max(shares[:2])


@pytest.mark.parametrize(
    "languages, settings",
    [(["en", "sw", "ha"], {}), (["en", "sw"], {"check_coverage": False})],
    ids=["all are calibrated on", "not wanted"],
)
def test_where_there_is_nothing_to_check_no_pass_is_made(model_of_words, caplog, monkeypatch, languages, settings):
    monkeypatch.setattr(preflight, "calibration_ranges", lambda *args: pytest.fail("rows were run"))
    report = quantize(model_of_words, languages, **settings).multilingual_report
    assert report.coverage == () and not [message for message in caplog.messages if "calibration range" in message]
    assert report.to_arrow().column("beyond_calibration").to_pylist() == [None] * 3


def test_experts_are_not_held_against_the_rows_and_it_is_said(tokenizer, caplog):
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "moe_intermediate_size": 16,
        "num_hidden_layers": 1,
        "head_dim": 8,
    }
    heads = {"num_attention_heads": 4, "num_key_value_heads": 4, "num_experts": 4, "num_experts_per_tok": 2}
    model = AutoModelForCausalLM.from_config(Qwen3MoeConfig(vocab_size=len(tokenizer), **sizes, **heads)).eval()
    settings = EvaluationConfig(languages=["en", "sw"], tokens_per_language=200)
    config = MultilingualCalibrationConfig(languages=["en"], num_rows=4, sequence_length=32, evaluation=settings)
    rows = build_calibration_set(config, tokenizer)
    evaluation = prepare_evaluation(config, settings.resolved_languages, tokenizer, None, 32, [rows.manifest])

    found = preflight.check_coverage(model, rows, evaluation, run_reference(model, evaluation, watch_ranges=True))

    assert [each.channels for each in found] == [2 * 32] * 2  # what attention receives, and its output projection
    assert caplog.messages[0].startswith("Activations of experts are not held against the calibration rows")


def test_reports_with_coverage_are_merged_and_older_ones_have_none(measured_report):
    found = [coverage("eng_Latn", 0.1, True), coverage("hau_Latn", 0.3, False)]
    english, hausa = measured_report({"en": 0.1}), measured_report({"ha": 0.1})
    parts = [replace(english, coverage=tuple(found[:1])), replace(hausa, coverage=tuple(found[1:]))]
    merged = merge_reports(parts)
    assert merged.coverage == tuple(found) and "Hausa exceeds the calibration range in 30.0%" in str(merged)
    older = {key: value for key, value in merged.to_dict().items() if key != "coverage"}
    assert MultilingualReport.from_dict(older).coverage == ()
