"""Sharing passes between layers of one input: the same weights as without, bit for bit, in fewer passes."""

import pytest
import torch
from optimum.gptq import quantizer as optimum_quantizer
from transformers import (
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    GPTQConfig,
    OPTConfig,
    OPTForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.backends import find_backend, gptq
from optimum_multilingual.backends.shared_passes import layers_with_one_input, one_pass_for_each_group

SIZES = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 64}
WIDE = {**SIZES, "intermediate_size": 128}

FAMILIES = {
    "opt": (
        lambda vocab: OPTForCausalLM(OPTConfig(**SIZES, ffn_dim=128, word_embed_proj_dim=64, vocab_size=vocab)),
        [["self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj"], ["self_attn.out_proj"], ["fc1"], ["fc2"]],
    ),
    "gpt-neox": (
        lambda vocab: GPTNeoXForCausalLM(GPTNeoXConfig(**WIDE, vocab_size=vocab)),
        [["attention.query_key_value"], ["attention.dense"], ["mlp.dense_h_to_4h"], ["mlp.dense_4h_to_h"]],
    ),
    # Its attention and its feed-forward part receive one tensor, but others are quantized between them.
    "phi": (
        lambda vocab: PhiForCausalLM(PhiConfig(**WIDE, vocab_size=vocab)),
        [["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], ["self_attn.dense"], ["mlp.fc1"], ["mlp.fc2"]],
    ),
    "qwen3": (
        lambda vocab: Qwen3ForCausalLM(Qwen3Config(**WIDE, head_dim=32, num_key_value_heads=1, vocab_size=vocab)),
        [
            ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
            ["self_attn.o_proj"],
            ["mlp.gate_proj", "mlp.up_proj"],
            ["mlp.down_proj"],
        ],
    ),
}


def config(method="gptq"):
    sizes = {"num_rows": 6, "sequence_length": 32}
    return MultilingualCalibrationConfig(method, languages=["en", "sw", "zh"], **sizes)


@pytest.fixture(scope="module")
def rows(tokenizer):
    return build_calibration_set(config(), tokenizer)


def made(family, tokenizer):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FAMILIES[family][0](len(tokenizer)).eval()


def quantized(model, rows, method="gptq"):
    backend = find_backend(config(method))
    backend.check_model(model)
    backend.quantize(model, rows)
    return model


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_are_those_of_a_pass_for_each_layer(family, tokenizer, rows, monkeypatch):
    shared = quantized(made(family, tokenizer), rows)
    monkeypatch.setattr(gptq, "layers_with_one_input", lambda model, blocks: None)
    alone = quantized(made(family, tokenizer), rows)
    weights, expected = shared.state_dict(), alone.state_dict()
    assert weights.keys() == expected.keys()
    assert [name for name in weights if not torch.equal(weights[name], expected[name])] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_of_one_input_are_neighbours_in_the_engines_order(family, tokenizer):
    model = made(family, tokenizer)
    blocks = model.gpt_neox.layers if family == "gpt-neox" else model.get_decoder().layers
    assert layers_with_one_input(model, blocks) == FAMILIES[family][1]


def test_a_pass_ends_at_the_last_layer_that_needs_it(tokenizer, rows):
    model, runs = made("qwen3", tokenizer), []
    for name in ("q_proj", "o_proj"):
        layer = model.model.layers[0].self_attn.get_submodule(name)
        layer.register_forward_pre_hook(lambda layer, args, name=name: runs.append(name))
    for name in ("gate_proj", "down_proj"):
        layer = model.model.layers[0].mlp.get_submodule(name)
        layer.register_forward_pre_hook(lambda layer, args, name=name: runs.append(name))
    quantized(model, rows)
    every = ["q_proj", "o_proj", "gate_proj", "down_proj"]
    traced, calibrating, output = runs[:4], runs[4:-4], runs[-4:]
    assert traced == every and output == every
    assert calibrating == [*every[:1], *every[:2], *every[:3], *every]


def test_a_layer_that_runs_twice_in_a_pass_is_left_to_the_engine(random_llama):
    model = random_llama()
    for block in model.model.layers:
        block.self_attn.k_proj = block.self_attn.q_proj
    assert layers_with_one_input(model, model.model.layers) is None


def test_blocks_that_differ_are_left_to_the_engine(random_llama):
    model = random_llama()
    model.model.layers[1].mlp.gate_proj = torch.nn.Identity()
    assert layers_with_one_input(model, model.model.layers) is None


def test_layers_that_the_user_chose_are_quantized_in_the_users_order(tokenizer, rows):
    chosen = [["self_attn.q_proj"], ["mlp.down_proj"]]
    method = GPTQConfig(bits=4, group_size=32, modules_in_block_to_quantize=chosen)
    model = quantized(made("qwen3", tokenizer), rows, method)
    assert model.config.quantization_config.modules_in_block_to_quantize == chosen
    assert isinstance(model.model.layers[0].self_attn.k_proj, torch.nn.Linear)


def test_the_groups_are_not_written_into_the_config(tokenizer, rows):
    model = quantized(made("qwen3", tokenizer), rows)
    assert model.config.quantization_config.to_dict().get("modules_in_block_to_quantize") is None


def test_everything_is_put_back_also_after_an_error(random_llama):
    model, upstream = random_llama(), optimum_quantizer.GPTQ
    with pytest.raises(RuntimeError, match="in between"), one_pass_for_each_group(model.model.layers):
        assert optimum_quantizer.GPTQ is not upstream
        raise RuntimeError("in between")
    assert optimum_quantizer.GPTQ is upstream
    assert not any("forward" in vars(block) for block in model.model.layers)
