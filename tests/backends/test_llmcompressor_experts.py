"""Mixture-of-experts through llm-compressor: every expert is calibrated and loads again, or the family is refused."""

import subprocess
import sys

import pytest
import torch
from one_line import logits_of, quantize
from transformers import AutoModelForCausalLM, MixtralConfig, Qwen2MoeConfig, Qwen3MoeConfig

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig
from optimum_multilingual.backends import find_backend, llmcompressor, llmcompressor_experts
from optimum_multilingual.errors import ModelError

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "num_experts_per_tok": 1,
    "initializer_range": 0.2,
}
EXPERTS = {"num_experts": 4, "moe_intermediate_size": 32}
FAMILIES = {
    "qwen2_moe": lambda **sizes: Qwen2MoeConfig(**SIZES, **EXPERTS, shared_expert_intermediate_size=32, **sizes),
    "qwen3_moe": lambda **sizes: Qwen3MoeConfig(**SIZES, **EXPERTS, head_dim=32, **sizes),
    "mixtral": lambda **sizes: MixtralConfig(**SIZES, num_local_experts=4, **sizes),
}
LOADED = llmcompressor_experts.FAMILIES
SETTINGS = {
    "engine": "llmcompressor",
    "languages": ["en", "sw"],
    "num_rows": 4,
    "sequence_length": 32,
    "evaluation": EvaluationConfig(tokens_per_language=300, bootstrap_draws=100),
}
LOAD_ELSEWHERE = """
import sys
sys.modules["optimum_multilingual"] = sys.modules["llmcompressor"] = None
import torch
from transformers import AutoModelForCausalLM
ids = torch.arange(40)[None] + 300
for folder in sys.argv[1:]:
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.inference_mode():
        torch.save(model(ids).logits, f"{folder}/logits.pt")
        assert model.generate(ids, max_new_tokens=5, min_new_tokens=5, do_sample=False).shape == (1, 45)
"""


@pytest.fixture
def experts(tokenizer, tmp_path):
    """Makes a folder with a random model whose first layer never chooses expert 1."""

    def make(family):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = AutoModelForCausalLM.from_config(FAMILIES[family](vocab_size=len(tokenizer)), dtype=torch.float32)
        with torch.no_grad():
            router = model.model.layers[0].mlp.gate.weight
            router[1] = (router[0] + router[2]) / 2  # a mean is never the largest
        model.save_pretrained(tmp_path / family)
        tokenizer.save_pretrained(tmp_path / family)
        return tmp_path / family

    return make


def test_experts_load_in_a_process_without_us_as_they_were_measured(experts, tmp_path):
    models = {tmp_path / f"{family}-quantized": quantize(experts(family), "gptq", **SETTINGS) for family in LOADED}
    for folder, model in models.items():
        model.save_pretrained(folder)

    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", LOAD_ELSEWHERE, *models]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr[-2000:]
    for folder, model in models.items():
        assert torch.equal(torch.load(folder / "logits.pt"), logits_of(model))


@pytest.mark.parametrize("family", LOADED)
def test_the_tokens_of_each_expert_are_those_of_the_model_before_its_experts_were_linear_layers(experts, family):
    report = quantize(experts(family), "gptq", **SETTINGS).multilingual_report
    assert [(load.language, len(load.tokens)) for load in report.experts] == [("eng_Latn", 4)] * 2 + [
        ("swh_Latn", 4)
    ] * 2
    assert all(sum(load.tokens) == report[load.language].tokens for load in report.experts)
    assert [load.unreached for load in report.experts if ".0." in load.layer] == [(1,), (1,)]
    assert "warning: Swahili never reaches 1 of 8 experts" in str(report)


def test_every_expert_is_calibrated_on_every_token_of_every_row(experts, monkeypatch):
    """So that a language calibrates also those experts that none of its tokens is sent to."""
    from llmcompressor.modeling.moe.linear_experts import ExpertMLPWithGate

    forward, seen = ExpertMLPWithGate.forward, {}

    def counted(expert, states):
        seen.setdefault(expert, []).append(len(states))
        return forward(expert, states)

    monkeypatch.setattr(ExpertMLPWithGate, "forward", counted)
    quantize(experts("qwen3_moe"), "gptq", **{**SETTINGS, "evaluation": None})
    tokens_of_all = SETTINGS["sequence_length"] * SETTINGS["num_rows"]
    # Two passes: to calibrate, and through the quantized block.
    assert len(seen) == 8 and all(tokens == [tokens_of_all] * 2 for tokens in seen.values())


def test_routers_and_the_gate_of_the_shared_expert_stay_as_they_were(experts):
    dense = AutoModelForCausalLM.from_pretrained(experts("qwen2_moe"))
    model = quantize(experts("qwen2_moe"), "gptq", **{**SETTINGS, "evaluation": None})
    for before, after in zip(dense.model.layers, model.model.layers, strict=True):
        assert torch.equal(before.mlp.gate.weight, after.mlp.gate.weight)
        assert torch.equal(before.mlp.shared_expert_gate.weight, after.mlp.shared_expert_gate.weight)
        assert not torch.equal(before.mlp.shared_expert.up_proj.weight, after.mlp.shared_expert.up_proj.weight)


@pytest.mark.parametrize(
    ("family", "method", "settings", "words"),
    [
        (
            "qwen3_moe",
            "w8a8-dynamic",
            {},
            "would not load those of a qwen3_moe model.*'gptq' with engine='llmcompressor'",
        ),
        ("qwen3_moe", "fp8-dynamic", {}, "would not load"),
        ("mixtral", "gptq", {}, "would not load those of a mixtral model again"),
        ("qwen3_moe", "gptq", {"group_size": 64}, "group_size=64 does not divide the 32 inputs.*experts.down_proj"),
        ("qwen3_moe", "gptq", {"method_options": {"skip_modules": ["experts"]}}, "skip_modules leaves experts as they"),
        (
            "qwen3_moe",
            "gptq",
            {"method_options": {"skip_modules": ["layers.0"]}},
            "skip_modules leaves experts as they",
        ),
    ],
)
def test_experts_that_would_not_load_again_are_refused(family, method, settings, words):
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(FAMILIES[family](vocab_size=128))
    config = MultilingualCalibrationConfig(method, engine="llmcompressor", languages=["en", "sw"], **settings)
    with pytest.raises(ModelError, match=words):
        find_backend(config).check_model(model)


@pytest.mark.parametrize(("family", "method"), [("mixtral", "gptq"), ("qwen3_moe", "fp8-dynamic")])
def test_what_is_refused_still_loads_as_another_model(experts, tmp_path, monkeypatch, family, method):
    """When this fails, `llmcompressor_experts` may refuse less."""
    monkeypatch.setattr(llmcompressor, "expert_layers", lambda *arguments: {})
    rows = {} if method == "gptq" else {"num_rows": None, "sequence_length": None}
    model = quantize(experts(family), method, **{**SETTINGS, "evaluation": None, **rows})
    model.save_pretrained(tmp_path / "out")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert (logits_of(again) - logits_of(model)).norm() / logits_of(model).norm() > 0.01
