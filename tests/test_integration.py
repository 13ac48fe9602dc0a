"""The one line, end to end, on a small trained model."""

import json
import subprocess
import sys

import pytest
import torch
from one_line import LANGUAGES, SMALL, logits_of, quantize
from transformers import AutoModelForCausalLM, GPTQConfig, LlamaForCausalLM
from transformers.quantizers.quantizer_gptq import GptqHfQuantizer

from optimum_multilingual import (
    EvaluationConfig,
    MultilingualCalibrationConfig,
    MultilingualReport,
    build_calibration_set,
)
from optimum_multilingual.corpora.embedded import EmbeddedCorpus
from optimum_multilingual.errors import LanguageError
from optimum_multilingual.integration import MultilingualQuantizer
from optimum_multilingual.languages import find_language

# Runs without this package: importing it would fail.
LOAD_ELSEWHERE = """
import sys
sys.modules["optimum_multilingual"] = None
import torch
from transformers import AutoModelForCausalLM, GPTQConfig
folder, out = sys.argv[1:3]
model = AutoModelForCausalLM.from_pretrained(folder, quantization_config=GPTQConfig(bits=4, backend="torch"))
ids = torch.arange(40)[None] + 300
with torch.inference_mode():
    logits = model(ids).logits
    text = model.generate(ids, max_new_tokens=5, do_sample=False)
torch.save({"logits": logits, "text": text, "format": model.config.quantization_config.format}, out)
"""


def load_elsewhere(folder, tmp_path):
    out = tmp_path / "elsewhere.pt"
    # Kernels compile on their first call; their eager form gives the same bits.
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TORCHDYNAMO_DISABLE": "1"}
    subprocess.run([sys.executable, "-c", LOAD_ELSEWHERE, str(folder), str(out)], check=True, env=environment)
    return torch.load(out)


def test_auto_calibrates_and_measures_the_languages_of_the_models_card(model_with_card):
    model = quantize(model_with_card("language: [sw, en, code]"), languages="auto")
    assert [score.language for score in model.multilingual_report.scores] == ["swh_Latn", "eng_Latn"]
    assert set(model.calibration_manifest.languages) == {"swh_Latn", "eng_Latn"}


def test_auto_without_a_card_stops_before_the_weights_load(model_with_card, monkeypatch):
    monkeypatch.setattr(MultilingualQuantizer, "postprocess_model", None)
    with pytest.raises(LanguageError, match=r"has no README\.md.*Name the languages"):
        quantize(model_with_card(None), languages=["auto", "fr"])


def test_code_and_mathematics_are_measured_like_languages(tiny_model_path):
    texts = {
        "en": [f"The {number} towns of the coast have {number + 2} harbours each." for number in range(300)],
        "code": [f"def f{number}(x):\n    return x * {number} + {number % 7}" for number in range(300)],
        "math": [f"Let $x^{number} + {number}y = 0$; then $y = -x^{number}/{number}$." for number in range(1, 300)],
    }
    model = quantize(tiny_model_path, languages=list(texts), corpus=texts)
    assert [score.language for score in model.multilingual_report.scores] == ["eng_Latn", "code_Zyyy", "math_Zmth"]
    assert "Source code (code)" in str(model.multilingual_report)
    assert model.multilingual_report["math"].name == "Mathematics"


@pytest.fixture(scope="module")
def quantized(tiny_model_path):
    return quantize(tiny_model_path)


@pytest.fixture(scope="module")
def saved(quantized, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint") / "model"
    quantized.save_pretrained(folder)
    return folder


def test_the_model_carries_a_report_of_every_language(quantized):
    report = quantized.multilingual_report
    assert [score.language for score in report.scores] == ["eng_Latn", "swh_Latn", "cmn_Hans"]
    assert report.setting["method"] == "gptq" and report.setting["bits"] == 4
    assert report.setting["kernel"] == "TorchLinear"
    assert all(0 < score.kl.mean.value < 0.1 and 0.7 < score.top1_agreement.value < 1 for score in report.scores)


def test_the_model_is_left_with_upstreams_own_config_and_quantizer(quantized):
    assert type(quantized.hf_quantizer) is GptqHfQuantizer
    assert type(quantized.config.quantization_config) is GPTQConfig
    assert quantized.config.quantization_config.dataset is None
    assert quantized.is_quantized and quantized.quantization_method == "gptq"


def test_rows_are_divided_as_asked(quantized):
    rows = {tag: entry["rows"] for tag, entry in quantized.calibration_manifest.languages.items()}
    assert rows == {"eng_Latn": 2, "swh_Latn": 2, "cmn_Hans": 2}


def test_another_process_without_this_package_loads_the_same_model(quantized, saved, tmp_path):
    elsewhere = load_elsewhere(saved, tmp_path)
    assert torch.equal(elsewhere["logits"], logits_of(quantized))
    assert elsewhere["text"].shape == (1, 45)


def test_the_saved_format_is_v1_unless_asked_otherwise(saved):
    config = json.loads((saved / "config.json").read_text())["quantization_config"]
    assert (config["quant_method"], config["checkpoint_format"], config["format"]) == ("gptq", "gptq", "gptq")


def test_saving_does_not_change_the_model_in_memory(quantized, saved):
    before = logits_of(quantized)
    quantized.save_pretrained(saved.parent / "again")
    assert torch.equal(logits_of(quantized), before)
    assert quantized.config.quantization_config.format == "gptq_v2"
    first, second = ((folder / "model.safetensors").read_bytes() for folder in (saved, saved.parent / "again"))
    assert first == second


def test_provenance_travels_with_the_checkpoint(quantized, saved):
    provenance = json.loads((saved / "config.json").read_text())["multilingual_calibration"]
    manifest = json.loads((saved / "calibration_manifest.json").read_text())
    assert provenance["fingerprint"] == manifest["fingerprint"] == quantized.calibration_manifest.fingerprint
    assert provenance["rows"] == {"eng_Latn": 2, "swh_Latn": 2, "cmn_Hans": 2}
    assert MultilingualReport.load(saved).to_dict() == quantized.multilingual_report.to_dict()


def test_nothing_local_or_secret_is_written(tiny_model_path, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("HF_TOKEN", "hf_plantedENVIRONMENT")
    private = tmp_path / "private-client-data"
    private.mkdir()
    for name in ("en", "sw"):
        lines = [f"Planted sentence {number} of {name}, which nobody else may read." for number in range(400)]
        (private / f"{name}.txt").write_text("\n".join(lines))
    config = MultilingualCalibrationConfig("gptq", **{**SMALL, "languages": ["en", "sw"], "corpus": private})
    model = AutoModelForCausalLM.from_pretrained(
        tiny_model_path, quantization_config=config, token="hf_plantedARGUMENT"
    )
    model.save_pretrained(tmp_path / "out")
    planted = [
        b"hf_planted",
        b"private-client-data",
        b"Planted sentence",
        str(tmp_path).encode(),
        b"tiny-multilingual-lm/",
    ]
    for path in (tmp_path / "out").iterdir():
        content = path.read_bytes()
        assert not [text for text in (*planted, str(tiny_model_path).encode()) if text in content], path.name


def test_two_runs_give_the_same_weights_and_the_same_report(quantized, tiny_model_path):
    again = quantize(tiny_model_path)
    first, second = quantized.state_dict(), again.state_dict()
    assert first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)
    assert again.multilingual_report == quantized.multilingual_report


@pytest.mark.parametrize(
    "method",
    [
        GPTQConfig(bits=4, group_size=64, desc_act=True),
        GPTQConfig(bits=4, group_size=64, sym=False, format="gptq_v2"),
        GPTQConfig(bits=8, group_size=-1, act_group_aware=False),
        GPTQConfig(bits=2, group_size=32),
        GPTQConfig(bits=4, group_size=64, batch_size=3, pad_token_id=0),
    ],
    ids=["desc_act", "asymmetric v2", "8 bits", "2 bits", "batches"],
)
def test_an_upstream_config_is_used_as_it_is_and_survives_the_disk(tiny_model_path, tmp_path, method):
    model = quantize(tiny_model_path, method=method)
    assert model.config.quantization_config.bits == method.bits
    assert model.config.quantization_config.desc_act == method.desc_act
    model.save_pretrained(tmp_path / "out")
    kernel = GPTQConfig(bits=method.bits, backend="torch")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "out", quantization_config=kernel)
    assert again.config.quantization_config.format == method.format
    assert torch.equal(logits_of(again), logits_of(model))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_other_types_of_weights_work(tiny_model_path, dtype):
    # Little text: a CPU without instructions for these types is a hundred times slower in them.
    evaluation = EvaluationConfig(tokens_per_language=100, bootstrap_draws=100)
    config = MultilingualCalibrationConfig("gptq", languages=["en"], **{**SMALL, "evaluation": evaluation})
    model = AutoModelForCausalLM.from_pretrained(tiny_model_path, quantization_config=config, dtype=dtype)
    assert model.multilingual_report.setting["dtype"] == str(dtype).removeprefix("torch.")


@pytest.mark.parametrize("device_map", ["auto", "cpu", {"": "cpu"}])
def test_device_maps_give_the_same_model(quantized, tiny_model_path, device_map):
    config = MultilingualCalibrationConfig("gptq", languages=LANGUAGES, **SMALL)
    model = LlamaForCausalLM.from_pretrained(tiny_model_path, quantization_config=config, device_map=device_map)
    assert torch.equal(logits_of(model), logits_of(quantized))


def test_a_saved_calibration_set_is_used_row_for_row(quantized, tiny_model_path, tokenizer, tmp_path):
    rows = build_calibration_set(MultilingualCalibrationConfig(languages=LANGUAGES, **SMALL), tokenizer)
    rows.save(tmp_path)
    model = quantize(tiny_model_path, languages=(), num_rows=None, sequence_length=None, calibration_set=tmp_path)
    assert torch.equal(logits_of(model), logits_of(quantized))


def test_texts_that_can_be_read_once_serve_calibration_and_evaluation(tiny_model_path):
    corpus = {
        name: (document.text for document in EmbeddedCorpus().documents(find_language(name))) for name in LANGUAGES
    }
    model = quantize(tiny_model_path, corpus=corpus)
    assert len(model.multilingual_report.scores) == 3


def test_the_users_own_config_stays_as_it_was(tiny_model_path):
    method = GPTQConfig(bits=4, group_size=64)
    before = dict(vars(method))
    quantize(tiny_model_path, method=method)
    assert vars(method) == before


def test_languages_beyond_the_calibration_can_be_measured(tiny_model_path):
    evaluation = EvaluationConfig(languages=["en", "yo"], tokens_per_language=300, bootstrap_draws=100)
    model = quantize(tiny_model_path, languages=["en"], evaluation=evaluation)
    assert [score.language for score in model.multilingual_report.scores] == ["eng_Latn", "yor_Latn"]


def test_without_evaluation_there_is_no_report(tiny_model_path, tmp_path):
    model = quantize(tiny_model_path, evaluation=None)
    model.save_pretrained(tmp_path / "out")
    assert model.multilingual_report is None
    assert not (tmp_path / "out" / "multilingual_report.json").exists()
    assert (tmp_path / "out" / "calibration_manifest.json").exists()


def test_a_model_that_is_quantized_already_is_refused(saved):
    with pytest.raises(
        ValueError, match="quantized with GPTQConfig but you are passing a MultilingualCalibrationConfig"
    ):
        quantize(saved)
