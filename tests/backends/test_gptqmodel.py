"""GPTQModel's own API: options reach the checkpoint, nothing is left behind, and what it cannot do is refused early."""

import json
import os
from types import SimpleNamespace

import pytest
import torch
from one_line import LANGUAGES, logits_of
from one_line import quantize as by_one_line
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, MixtralConfig, MixtralForCausalLM

from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.backends import find_backend, row_batches
from optimum_multilingual.errors import ConfigError, ModelError


def quantize(path, method, **settings):
    return by_one_line(path, method, **{"engine": "gptqmodel", "evaluation": None, **settings})


def backend(method="gptq", **settings):
    return find_backend(
        MultilingualCalibrationConfig(method, **{"engine": "gptqmodel", "languages": LANGUAGES, **settings})
    )


@pytest.mark.parametrize(
    ("method", "settings", "kept"),
    [
        (
            "gptq",
            {"bits": 3, "options": {"desc_act": True, "damp_percent": 0.1}},
            {"desc_act": True, "damp_percent": 0.1},
        ),
        ("gptaq", {"bits": 8, "options": {"alpha": 0.5}}, {"gptaq": {"alpha": 0.5}}),
        ("foem", {"group_size": 32, "options": {"alpha": 0.25, "beta": 0.1}}, {"foem": {"alpha": 0.25, "beta": 0.1}}),
        ("rtn", {"bits": 2, "group_size": -1}, {"desc_act": False}),
    ],
)
def test_options_reach_the_engine_and_the_checkpoint_is_plain_gptq(
    random_llama, tokenizer, tmp_path, method, settings, kept
):
    source = saved(random_llama, tokenizer, tmp_path)
    options = settings.pop("options", {})
    no_set = {} if method != "rtn" else {"num_rows": None, "sequence_length": None}
    model = quantize(source, method, method_options=options, **settings, **no_set)
    model.save_pretrained(tmp_path / "out")
    written = json.loads((tmp_path / "out" / "config.json").read_text(encoding="utf-8"))["quantization_config"]
    assert (written["quant_method"], written["checkpoint_format"]) == ("gptq", "gptq")
    assert kept.items() <= {**written, **written["meta"]}.items()
    assert {name: written[name] for name in settings} == settings
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert (logits_of(again) - logits_of(model)).norm() <= 0.05 * logits_of(model).norm()
    assert [path.name for path in (tmp_path / "out").iterdir() if "quant" in path.name] == []


def saved(random_llama, tokenizer, folder):
    model = random_llama(vocab_size=len(tokenizer), initializer_range=0.2, tie_word_embeddings=True)
    model.save_pretrained(folder / "source")
    tokenizer.save_pretrained(folder / "source")
    return folder / "source"


def test_the_options_change_the_weights(random_llama, tokenizer, tmp_path):
    source = saved(random_llama, tokenizer, tmp_path)
    logits = [logits_of(quantize(source, "foem", method_options={"beta": beta})).double() for beta in (0.0, 0.0, 0.2)]
    assert torch.equal(logits[0], logits[1]), "the same settings give the same weights"
    assert not torch.equal(logits[0], logits[2])


@pytest.mark.parametrize(
    ("method", "batches"), [("gptq", [3, 1]), ("gptaq", [3, 1, 3, 1]), ("foem", [3, 1]), ("awq", [1, 1, 1, 1])]
)
def test_every_row_is_forwarded_in_order_without_padding(random_llama, tokenizer, monkeypatch, method, batches):
    monkeypatch.setattr(row_batches, "TOKENS_OF_A_PASS", 3 * 16)
    config = MultilingualCalibrationConfig(
        method,
        engine="gptqmodel",
        languages=LANGUAGES,
        mixture={"en": 2, "sw": 1, "zh": 1},
        num_rows=4,
        sequence_length=16,  # the shortest there is; the engine drops rows of 10 tokens or fewer
    )
    rows = build_calibration_set(config, tokenizer)
    model = random_llama(vocab_size=len(tokenizer)).to(torch.bfloat16)
    engine, seen = find_backend(config), []
    engine.check_model(model)
    model.get_input_embeddings().register_forward_pre_hook(lambda module, args: seen.append(args[0].clone()))
    engine.quantize(model, rows)
    assert [batch.shape for batch in seen] == [(rows_of_it, 16) for rows_of_it in batches]
    passes = sum(batches) // 4
    assert torch.equal(torch.cat(seen), torch.from_numpy(rows.token_ids()).long().repeat(passes, 1))


@pytest.mark.parametrize("method", ["gptq", "gptaq", "foem"])
def test_batches_that_do_not_come_out_even_weigh_rows_as_alone(random_llama, tokenizer, tmp_path, monkeypatch, method):
    source = saved(random_llama, tokenizer, tmp_path)
    logits = []
    for tokens in (4 * 32, 1):
        monkeypatch.setattr(row_batches, "TOKENS_OF_A_PASS", tokens)
        logits.append(logits_of(quantize(source, method)))
    together, alone = logits
    assert (together - alone).norm() <= 0.01 * alone.norm()


def test_nothing_is_left_behind(random_llama, tokenizer, tmp_path, monkeypatch, capfd):
    source = saved(random_llama, tokenizer, tmp_path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    backend()  # its import sets variables that torch reads
    before = dict(os.environ)
    capfd.readouterr()
    model = quantize(source, "gptq")
    assert capfd.readouterr().out == ""
    assert {name: value for name, value in os.environ.items() if "PYTEST" not in name} == {
        name: value for name, value in before.items() if "PYTEST" not in name
    }
    assert list((tmp_path / "here").iterdir()) == []
    assert not hasattr(model, "tokenizer")
    assert model.generation_config.to_dict() == AutoModelForCausalLM.from_pretrained(source).generation_config.to_dict()


@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("awq", {"bits": 8}, ["'awq' by gptqmodel", "allowed are 4"]),
        ("gptq", {"bits": 5}, ["bits=5", "2, 3, 4, 8"]),
        ("gptaq", {"method_options": {"alpha": 2}}, ["alpha=2", "from 0 to 1"]),
        ("rtn", {"num_rows": 8}, ["needs no calibration", "num_rows"]),
        ("foem", {"method_options": {"gamma": 1}}, ["no option 'gamma'", "alpha, beta"]),
    ],
)
def test_settings_it_cannot_do_are_refused(method, settings, words):
    with pytest.raises(ConfigError) as refusal:
        backend(method, **settings)
    assert [word for word in words if word not in str(refusal.value)] == []


def test_models_it_cannot_do_are_refused_before_their_weights_load(random_llama, monkeypatch):
    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "vocab_size": 128}
    experts = MixtralConfig(**sizes, num_attention_heads=2, num_key_value_heads=2, num_local_experts=2)
    with torch.device("meta"):
        for model, words in [
            (MixtralForCausalLM(experts), "experts in fused tensors"),
            (GPT2LMHeadModel(GPT2Config(n_embd=64, n_layer=1, n_head=2, vocab_size=128)), "could not be loaded again"),
            (random_llama(intermediate_size=80), r"gate_proj is 80 x 64.*multiples of 32"),
        ]:
            with pytest.raises(ModelError, match=words):
                backend(**({"group_size": -1} if "gate" in words else {})).check_model(model)
        with pytest.raises(ModelError, match=r"awq.*bfloat16, float16.*float32"):
            backend("awq").check_model(random_llama())
        unknown = random_llama()
        unknown.config.model_type = "my-family"
        with pytest.raises(ModelError, match="does not know the family 'my-family'"):
            backend().check_model(unknown)
        from gptqmodel.models.auto import MODEL_MAP

        half = SimpleNamespace(
            extract_layers_node=lambda: ["model.layers"], simple_layer_modules=lambda *args: [["self_attn.q_proj"]]
        )
        monkeypatch.setitem(MODEL_MAP, "llama", half)
        with pytest.raises(ModelError, match=r"leaves model\.layers\.0\.self_attn\.k_proj.*as it is"):
            backend().check_model(random_llama())


def test_a_model_over_several_devices_is_refused(random_llama):
    model = random_llama()
    model.hf_device_map = {"model": 0, "lm_head": "cpu"}
    with pytest.raises(ModelError, match=r"one device, not over 0, cpu"):
        backend("rtn").quantize(model, None)
