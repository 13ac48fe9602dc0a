"""Model families under the one line: each is quantized, measured, saved and loaded again, or refused before its weights load.

    pytest tests/test_families.py --durations 0

A method comes in by one more entry in `METHODS`. Types of weights and tied embeddings go round over the families, so that
every method meets all of both, and every family is met with tied and untied embeddings.
"""

import itertools
import math

import pytest
import torch
from one_line import logits_of, quantize
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    CohereConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    MixtralConfig,
    OPTConfig,
    Phi3Config,
    PhiConfig,
    Qwen2Config,
    Qwen2MoeConfig,
    Qwen3Config,
    Qwen3MoeConfig,
)

from optimum_multilingual import EvaluationConfig
from optimum_multilingual.backends import all_capabilities
from optimum_multilingual.errors import ModelError
from optimum_multilingual.integration import MultilingualQuantizer

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "pad_token_id": None,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "initializer_range": 0.1,
}
HEADS = {**SIZES, "head_dim": 16}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
OPT_SIZES = {"hidden_size": 64, "ffn_dim": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "pad_token_id": 1}

FAMILIES = {
    "opt": (OPTConfig, {**OPT_SIZES, "word_embed_proj_dim": 64, "max_position_embeddings": 128}),
    "opt with a smaller embedding": (OPTConfig, {**OPT_SIZES, "word_embed_proj_dim": 32}),
    "llama": (LlamaConfig, SIZES),
    "salamandra": (LlamaConfig, {**SIZES, "tie_word_embeddings": False, "rms_norm_eps": 1e-5}),
    "mistral": (MistralConfig, {**SIZES, "sliding_window": 16}),
    "command-r": (CohereConfig, {**SIZES, "logit_scale": 0.25}),
    "qwen2": (Qwen2Config, SIZES),
    "qwen3": (Qwen3Config, HEADS),
    "gemma2": (Gemma2Config, {**HEADS, "final_logit_softcapping": 0.5}),
    "gemma3": (Gemma3TextConfig, {**HEADS, "sliding_window": 16}),
    "gpt2": (GPT2Config, {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 128}),
    "gpt-neox": (GPTNeoXConfig, SIZES),
    "bloom": (BloomConfig, {"hidden_size": 64, "n_layer": 2, "n_head": 4, "initializer_range": 0.1}),
    "phi": (PhiConfig, SIZES),
    "phi3": (Phi3Config, SIZES),
    "mixtral": (MixtralConfig, {**SIZES, "num_local_experts": 4}),
    "qwen2-moe": (Qwen2MoeConfig, {**SIZES, **EXPERTS, "shared_expert_intermediate_size": 32}),
    "qwen3-moe": (Qwen3MoeConfig, {**HEADS, **EXPERTS}),
}

# Method and its settings -> the families it refuses, and the words it does it with.
FUSED = "keeps experts in fused tensors"
METHODS = {
    "gptq by optimum": (
        {"method": "gptq", "engine": "optimum", "bits": 4, "num_rows": 2, "sequence_length": 32},
        {
            "gpt2": "could not be loaded again",
            "mixtral": FUSED,
            "qwen2-moe": FUSED,
            "qwen3-moe": FUSED,
        },
    ),
    "gptq by llmcompressor": (
        {"method": "gptq", "engine": "llmcompressor", "bits": 4, "num_rows": 2, "sequence_length": 32},
        {
            "gpt2": "no linear layer that",
            "mixtral": "would not load those of a mixtral model",
        },
    ),
}
TOLERANCES = {(each.method, each.engine): each.tolerance for each in all_capabilities()}

SETTINGS = EvaluationConfig(tokens_per_language=100, sequence_length=32, bootstrap_draws=100)
KINDS = list(itertools.product((True, False), ("float32", "bfloat16", "float16")))
CASES = [
    (method, family, *KINDS[(place + turn * len(KINDS) // 2) % len(KINDS)])
    for turn, method in enumerate(METHODS)
    for place, family in enumerate(FAMILIES)
]


def random_model(family, tokenizer, tied, dtype):
    config, sizes = FAMILIES[family]
    settings = {"vocab_size": len(tokenizer), "tie_word_embeddings": tied, **sizes}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(config(**settings), dtype=getattr(torch, dtype))


@pytest.mark.parametrize(
    ("method", "family", "tied", "dtype"),
    CASES,
    ids=lambda value: value if isinstance(value, str) else ("tied" if value else "untied"),
)
def test_a_family_is_quantized_measured_and_loaded_again_or_refused(
    method, family, tied, dtype, tokenizer, tmp_path, monkeypatch
):
    settings, refused = METHODS[method]
    model = random_model(family, tokenizer, tied, dtype)
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")

    def run():
        return quantize(tmp_path / "model", languages=["en", "sw"], **{**settings, "evaluation": SETTINGS})

    if family in refused:
        monkeypatch.setattr(MultilingualQuantizer, "postprocess_model", None)  # the weights are loaded by then
        with pytest.raises(ModelError, match=refused[family]):
            run()
        return
    quantized = run()
    quantized.save_pretrained(tmp_path / "quantized")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "quantized")

    report = quantized.multilingual_report
    assert [score.language for score in report.scores] == ["eng_Latn", "swh_Latn"]
    assert all(math.isfinite(score.relative_change.value) and score.kl.mean.value > 0 for score in report.scores)
    assert report.setting["dtype"] == dtype and again.dtype == model.dtype
    before, after = logits_of(quantized).float(), logits_of(again).float()
    assert (after - before).norm() / before.norm() <= TOLERANCES[settings["method"], settings["engine"]]


def test_every_method_meets_all_types_of_weights_and_every_family_tied_and_untied_embeddings():
    assert {(family, tied) for _, family, tied, _ in CASES} == set(itertools.product(FAMILIES, (True, False)))
    for method, (_, refused) in METHODS.items():
        met = {(tied, dtype) for of, family, tied, dtype in CASES if of == method and family not in refused}
        assert len(met) == 6
