"""The one line with text from the Hub, end to end, through a Hub on this machine."""

import json

from hub_replicas import serve_paragraphs
from transformers import AutoModelForCausalLM

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig
from optimum_multilingual.corpora.catalog import find_entry


def test_a_model_is_calibrated_on_one_corpus_of_the_hub_and_measured_on_another(
    hub, tmp_path, monkeypatch, tiny_model_path, own_cache, fineweb2
):
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    held_out = {f"devtest/{tag}.jsonl": (tag, range(80, 96)) for tag in ("swh_Latn", "eng_Latn")}
    serve_paragraphs(hub, "flores_plus", tmp_path, held_out)
    hub.repositories["datasets", find_entry("flores_plus").repository].readers.add("hf_reader")
    evaluation = EvaluationConfig(corpus="flores_plus", tokens_per_language=500, bootstrap_draws=100)
    config = MultilingualCalibrationConfig(
        "gptq", languages=["en", "sw"], corpus="fineweb2", num_rows=4, sequence_length=32, evaluation=evaluation
    )
    model = AutoModelForCausalLM.from_pretrained(tiny_model_path, quantization_config=config)
    assert {score.language for score in model.multilingual_report.scores} == {"eng_Latn", "swh_Latn"}

    model.save_pretrained(tmp_path / "out")
    recorded = json.loads((tmp_path / "out" / "config.json").read_text(encoding="utf-8"))["multilingual_calibration"]
    assert recorded["corpus"]["revision"] == find_entry("fineweb2").revision
    written = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").glob("*.json"))
    assert "hf_reader" not in written and str(tmp_path) not in written
