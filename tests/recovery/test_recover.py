"""Recovery: an adapter that takes damage back on held-out text, the same for a seed, ordinary for peft, or a refusal."""

import importlib.util
import json
from dataclasses import replace

import pytest
import torch
from one_line import logits_of, quantize
from transformers import AutoModelForCausalLM, Gemma3Config

from optimum_multilingual import (
    EvaluationConfig,
    MultilingualCalibrationConfig,
    RecoveryConfig,
    build_calibration_set,
    recover_checkpoint,
)
from optimum_multilingual.calibration.calibration_set import Manifest
from optimum_multilingual.errors import CheckpointError, ConfigError, MissingPackageError, ModelError, TokenizerError

EVALUATION = EvaluationConfig(tokens_per_language=600, sequence_length=64, bootstrap_draws=100)
SETTINGS = MultilingualCalibrationConfig(languages=["en", "sw"], num_rows=8, sequence_length=64, evaluation=EVALUATION)
SHORT = RecoveryConfig(steps=6, rows_per_step=2, learning_rate=2e-3, rank=8, alpha=8)
QUANTIZED = {"nf4": {"num_rows": None, "sequence_length": None}, "gptq": {"bits": 2, "group_size": 32}}


@pytest.fixture(scope="module", params=QUANTIZED)
def recovered(request, tiny_model_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    model = quantize(
        tiny_model_path, request.param, evaluation=None, languages=["en", "sw"], **QUANTIZED[request.param]
    )
    model.save_pretrained(folder / "quantized")
    recovery = recover_checkpoint(folder / "quantized", tiny_model_path, folder / "adapter", SETTINGS, SHORT)
    return folder, recovery


def test_every_language_is_nearer_to_the_reference_on_held_out_text(recovered):
    _, recovery = recovered
    for before, after in zip(recovery.before.scores, recovery.after.scores, strict=True):
        assert before.reference == after.reference and before.tokens == after.tokens
        assert after.kl.mean.value < before.kl.mean.value
    assert len(recovery.losses) == SHORT.steps


def test_the_adapter_is_an_ordinary_one_of_peft_and_names_no_place(recovered, tiny_model_path):
    from peft import PeftModel

    folder, recovery = recovered
    names = {path.name for path in (folder / "adapter").iterdir()}
    reports = {"multilingual_report.json", "multilingual_report_before.json"}
    manifest = "calibration_manifest.json"
    assert names == {"adapter_config.json", "adapter_model.safetensors", manifest, *reports}
    assert recovery.after.calibration == Manifest.load(folder / "adapter" / manifest).provenance
    beside = folder / "quantized" / manifest
    assert recovery.before.calibration == (Manifest.load(beside).provenance if beside.is_file() else None)
    for path in (folder / "adapter").iterdir():
        content = path.read_bytes()
        assert str(folder).encode() not in content and str(tiny_model_path).encode() not in content
    assert json.loads((folder / "adapter" / "adapter_config.json").read_text())["r"] == SHORT.rank
    base = AutoModelForCausalLM.from_pretrained(folder / "quantized")
    plain = logits_of(base)
    adapted = PeftModel.from_pretrained(base, folder / "adapter")
    assert not torch.equal(logits_of(adapted), plain)


@pytest.fixture(scope="module")
def nf4(tiny_model_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nf4") / "quantized"
    model = quantize(tiny_model_path, "nf4", evaluation=None, languages=["en", "sw"], **QUANTIZED["nf4"])
    model.save_pretrained(folder)
    return folder


def test_the_same_seed_gives_the_same_adapter_and_another_one_another(nf4, tiny_model_path, tmp_path):
    small = replace(SETTINGS, evaluation=replace(EVALUATION, tokens_per_language=100))
    state = torch.get_rng_state()
    weights = []
    for number, seed in enumerate((0, 0, 1)):
        settings = RecoveryConfig(steps=1, rows_per_step=1, rank=4, seed=seed)
        recover_checkpoint(nf4, tiny_model_path, tmp_path / str(number), small, settings)
        weights.append((tmp_path / str(number) / "adapter_model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]
    assert torch.equal(torch.get_rng_state(), state), "the generator that all share was drawn from"


def test_rows_are_those_of_a_set_that_was_given_and_its_languages_are_measured(
    nf4, tiny_model_path, tokenizer, tmp_path
):
    rows = build_calibration_set(replace(SETTINGS, num_rows=4, sequence_length=32, seed=3), tokenizer)
    rows.save(tmp_path / "set")
    given = MultilingualCalibrationConfig(
        calibration_set=tmp_path / "set", evaluation=replace(EVALUATION, tokens_per_language=100)
    )
    steps = RecoveryConfig(steps=1, rows_per_step=1, rank=4)
    recovery = recover_checkpoint(nf4, tiny_model_path, tmp_path / "adapter", given, steps)
    assert recovery.after.calibration == rows.manifest.provenance
    assert {score.language for score in recovery.after.scores} == {language.tag for language in rows.languages}


def test_rows_beyond_the_maximum_of_the_reference_are_refused(nf4, tiny_model_path, tmp_path):
    with pytest.raises(ConfigError, match="sequence_length=4096 is beyond the model's maximum of 2048"):
        recover_checkpoint(nf4, tiny_model_path, tmp_path / "adapter", replace(SETTINGS, sequence_length=4096))


def test_tasks_are_refused_before_anything_is_loaded(tmp_path):
    tasks = replace(SETTINGS, evaluation=replace(EVALUATION, tasks=["belebele"]))
    with pytest.raises(ConfigError, match="A recovery measures text only"):
        recover_checkpoint("no/such", "no/such", tmp_path / "adapter", tasks)


def test_a_reference_that_also_reads_images_is_refused(tokenizer, tmp_path):
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "intermediate_size": 32, "num_attention_heads": 2}
    text = {**sizes, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": len(tokenizer)}
    config = Gemma3Config(text_config=text, vision_config={**sizes, "image_size": 28, "patch_size": 14})
    with torch.random.fork_rng():
        AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "both")
    tokenizer.save_pretrained(tmp_path / "both")
    with pytest.raises(ModelError, match="is more than a language model"):
        recover_checkpoint(tmp_path / "both", tmp_path / "both", tmp_path / "adapter", SETTINGS)


def test_a_folder_that_is_not_free_is_refused_before_anything_is_loaded(tmp_path):
    (tmp_path / "here").write_text("mine")
    with pytest.raises(CheckpointError, match="exists and is not empty"):
        recover_checkpoint("no/such", "no/such", tmp_path, SETTINGS)


def test_without_peft_the_pip_line_is_given(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r'pip install "optimum-multilingual\[recover\]"'):
        recover_checkpoint("no/such", "no/such", tmp_path / "adapter", SETTINGS)


def test_another_tokenizer_is_refused(tiny_model_path, tmp_path, word_tokenizer):
    word_tokenizer("maji ya mto").save_pretrained(tmp_path / "other")
    (tmp_path / "other" / "config.json").write_bytes((tiny_model_path / "config.json").read_bytes())
    with pytest.raises(TokenizerError, match="another tokenizer than the reference"):
        recover_checkpoint(tmp_path / "other", tiny_model_path, tmp_path / "adapter", SETTINGS)


@pytest.mark.parametrize("settings", [{"steps": 0}, {"rank": 0}, {"learning_rate": -1}, {"seed": -1}])
def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        RecoveryConfig(**settings)
