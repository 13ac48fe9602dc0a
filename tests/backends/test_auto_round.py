"""AutoRound: what it forwards and how often it tunes on each row, what is refused, and that the process stays as it was."""

import json
import os
import random
from importlib.metadata import version
from itertools import chain

import numpy as np
import pytest
import torch
from one_line import LANGUAGES, logits_of
from transformers import (
    AutoModelForCausalLM,
    AutoRoundConfig,
    AwqConfig,
    GPT2Config,
    GPT2LMHeadModel,
    GPTQConfig,
    MixtralConfig,
    MixtralForCausalLM,
)

from optimum_multilingual import MultilingualCalibrationConfig
from optimum_multilingual.backends import find_backend
from optimum_multilingual.errors import ConfigError, ModelError

CHEAP = {"iters": 2, "torch_compile": False}


def config(options=CHEAP, **settings):
    return MultilingualCalibrationConfig(
        "auto-round", languages=LANGUAGES, evaluation=None, method_options=options, **settings
    )


def quantize(path, options=CHEAP, dtype=None, **settings):
    rows = {"num_rows": 6, "sequence_length": 32}
    given = config(options, **rows, **settings)
    return AutoModelForCausalLM.from_pretrained(path, quantization_config=given, dtype=dtype)


@pytest.fixture(scope="module")
def small_model(random_llama, tokenizer, tmp_path_factory):
    """A random Llama of two small layers in a folder."""
    folder = tmp_path_factory.mktemp("small")
    random_llama(vocab_size=len(tokenizer), initializer_range=0.2).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def packed(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items() if "qweight" in name}


def test_the_same_set_gives_the_same_weights_and_options_change_them(small_model):
    first = packed(quantize(small_model))
    again, more_steps = packed(quantize(small_model)), packed(quantize(small_model, {**CHEAP, "iters": 6}))
    assert first and all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], more_steps[name]) for name in first)


def test_settings_reach_the_checkpoint_and_it_loads_as_measured(small_model, tmp_path):
    model = quantize(small_model, {**CHEAP, "sym": False}, bits=8, group_size=16)
    model.save_pretrained(tmp_path)
    written = model.config.quantization_config
    assert (written.bits, written.group_size, written.sym, written.backend) == (8, 16, False, "auto")
    assert model.name_or_path == str(small_model)
    again = AutoModelForCausalLM.from_pretrained(tmp_path, quantization_config=AutoRoundConfig(backend="torch"))
    assert torch.equal(logits_of(again), logits_of(model))


@pytest.mark.parametrize(
    ("written", "settings", "method", "kernel"),
    [
        ("auto_gptq", {"bits": 3}, "gptq", GPTQConfig(bits=3, backend="torch")),
        ("auto_awq", {}, "awq", AwqConfig(bits=4, backend="torch_awq")),
    ],
)
def test_other_formats_are_ordinary_checkpoints_of_theirs_and_load_as_measured(
    small_model, tmp_path, written, settings, method, kernel
):
    model = quantize(small_model, {**CHEAP, "format": written}, group_size=32, **settings, dtype="float32")
    model.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["quantization_config"]
    assert (saved["quant_method"], saved["group_size"], saved["backend"]) == (method, 32, "auto")
    assert saved["meta"] == {"quantizer": [f"auto_round:{version('auto-round')}"]}
    again = AutoModelForCausalLM.from_pretrained(tmp_path, quantization_config=kernel)
    assert logits_of(again).dtype == torch.float32
    assert torch.equal(logits_of(again), logits_of(model))
    # All formats hold the same integers; scales are float16 in each.
    own = quantize(small_model, CHEAP, group_size=32, **settings, dtype="float32")
    assert (logits_of(own).float() - logits_of(model)).norm() / logits_of(model).norm() < 0.01


def test_asymmetric_weights_survive_awqs_format(small_model, tmp_path):
    model = quantize(small_model, {**CHEAP, "format": "auto_awq", "sym": False}, dtype="float32")
    model.save_pretrained(tmp_path)
    assert model.config.quantization_config.zero_point
    kernel = AwqConfig(bits=4, backend="torch_awq")
    again = AutoModelForCausalLM.from_pretrained(tmp_path, quantization_config=kernel)
    assert torch.equal(logits_of(again), logits_of(model))


def test_tuning_draws_every_row_as_often_as_the_others(small_model, monkeypatch):
    from auto_round.compressors.utils import IndexSampler

    drawn, next_batch = [], IndexSampler.next_batch
    monkeypatch.setattr(IndexSampler, "next_batch", lambda self: drawn.append(next_batch(self)) or drawn[-1])
    quantize(small_model, {**CHEAP, "batch_size": 3, "iters": 4})
    blocks = len(drawn) // 4
    assert blocks == 2 and sorted(chain.from_iterable(drawn)) == sorted([*range(6)] * 2 * blocks)


@pytest.mark.parametrize("written", ["auto_round", "auto_gptq", "auto_awq"])
def test_the_process_stays_as_it_was(small_model, capfd, written):
    options = {**CHEAP, "format": written}
    find_backend(config(options))
    environment, algorithms = dict(os.environ), torch.are_deterministic_algorithms_enabled()
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    capfd.readouterr()
    quantize(small_model, options)
    assert capfd.readouterr().out == ""
    assert dict(os.environ) == environment and torch.are_deterministic_algorithms_enabled() == algorithms
    assert random.getstate() == states[0] and np.random.get_state()[1].tolist() == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])


def test_what_it_passes_over_and_what_does_not_fit_is_refused(random_llama):
    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "vocab_size": 128}
    experts = MixtralConfig(**sizes, num_attention_heads=2, num_key_value_heads=2, num_local_experts=2)
    with pytest.raises(ModelError, match="experts in fused tensors"):
        find_backend(config()).check_model(MixtralForCausalLM(experts))
    with pytest.raises(ModelError, match="no linear layer"):
        find_backend(config()).check_model(GPT2LMHeadModel(GPT2Config(n_embd=64, n_layer=1, n_head=2)))
    with pytest.raises(ModelError, match=r"group_size=128 does not divide the 64 inputs.*16, 32, 64"):
        find_backend(config(group_size=128)).check_model(random_llama())
    with pytest.raises(ModelError, match=r"multiples of 32\. Leave format out"):
        find_backend(config({"format": "auto_awq"})).check_model(random_llama(hidden_size=48))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bits": 5}, "bits=5; allowed are 2, 3, 4, 8"),
        ({"options": {"iters": 0}}, "iters=0"),
        ({"options": {"format": "gguf"}}, "format='gguf'; format must be 'auto_round' or 'auto_gptq' or 'auto_awq'"),
        ({"options": {"format": "auto_awq"}, "bits": 8}, "format='auto_awq' with bits=8"),
        ({"options": {"format": "auto_gptq", "sym": False}}, "format='auto_gptq' with sym=False"),
    ],
)
def test_what_cannot_be_is_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        find_backend(config(**settings))
