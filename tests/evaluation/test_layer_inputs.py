"""What linear layers receive: found once for each tensor, seen without padding, in one pass."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, FalconConfig, GPT2Config, GPT2LMHeadModel, PhiConfig, PhiForCausalLM

from optimum_multilingual.evaluation.activation_ranges import exceeding, range_counter, share_by_chance
from optimum_multilingual.evaluation.held_out import Window
from optimum_multilingual.evaluation.layer_inputs import find_layer_inputs
from optimum_multilingual.evaluation.scoring import Scorer

SIZES = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 97}


def window(*tokens):
    ids = np.array(tokens, np.int32)
    return Window(0, ids, ids)


def ranges_of(model, *batches):
    counter = range_counter(model)
    scorer = Scorer(model, counter)
    for batch in batches:
        scorer.states(batch)
    return counter.take()


def last_parts(inputs):
    return [[name.split(".")[-1] for name in each.layers] for each in inputs]


def test_layers_that_receive_the_same_tensor_are_one_input(random_llama):
    inputs = find_layer_inputs(random_llama())
    assert last_parts(inputs[:4]) == [
        ["q_proj", "k_proj", "v_proj"],
        ["o_proj"],
        ["gate_proj", "up_proj"],
        ["down_proj"],
    ]
    assert [each.channels for each in inputs] == [64, 64, 64, 128] * 2
    assert inputs[4].name == "model.layers.1.self_attn.q_proj"


def test_layers_far_apart_that_receive_the_same_tensor_are_one_input():
    inputs = find_layer_inputs(PhiForCausalLM(PhiConfig(**SIZES, intermediate_size=64)))
    assert last_parts(inputs) == [["q_proj", "k_proj", "v_proj", "fc1"], ["dense"], ["fc2"]]


def test_the_linear_layer_of_gpt2_is_one_too():
    model = GPT2LMHeadModel(GPT2Config(vocab_size=97, n_embd=32, n_layer=1, n_head=2, n_positions=64)).eval()
    inputs = find_layer_inputs(model)
    assert [(each.name, each.channels) for each in inputs] == [
        ("transformer.h.0.attn.c_attn", 32),
        ("transformer.h.0.attn.c_proj", 32),
        ("transformer.h.0.mlp.c_fc", 32),
        ("transformer.h.0.mlp.c_proj", 128),
    ]
    seen = []
    model.transformer.h[0].mlp.c_proj.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    found = ranges_of(model, [window(*range(20))])
    assert found["transformer.h.0.mlp.c_proj"][1] == pytest.approx(seen[-1][0].amax(0).numpy())


def test_padding_and_batches_change_nothing(random_llama):
    model, windows = random_llama(), [window(*range(5)), window(*range(40, 70)), window(96)]
    together, apart = ranges_of(model, windows), ranges_of(model, *[[each] for each in windows])
    assert together.keys() == apart.keys() and len(together) == 8
    for name, ranges in together.items():
        assert ranges == pytest.approx(apart[name], abs=1e-5)


def one_hot_llama(random_llama):
    """In the first layer's input only channel n % 64 of token n is other than zero, and it is 8."""
    model = random_llama(hidden_size=64)
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(torch.eye(64).repeat(2, 1)[:97])
        model.model.layers[0].input_layernorm.weight.fill_(1)
    return model


def test_the_channels_beyond_the_calibration_are_those_of_tokens_it_never_saw(random_llama):
    model = one_hot_llama(random_llama)
    calibration = ranges_of(model, [window(*range(20))])
    beyond = exceeding(ranges_of(model, [window(*range(10, 30))]), calibration)
    assert np.flatnonzero(beyond["model.layers.0.self_attn.q_proj"]).tolist() == list(range(20, 30))
    assert not exceeding(calibration, calibration)["model.layers.1.mlp.down_proj"].any()


class ByName(torch.nn.Module):
    """Calls its layers by the name of their argument."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(64, 64), torch.nn.Linear(64, 64)

    def forward(self, hidden):
        return self.first(input=hidden) + self.second(input=hidden)


def test_a_layer_that_is_called_by_name_is_seen(random_llama):
    model = random_llama()
    model.model.layers[1].mlp = ByName()
    assert last_parts(find_layer_inputs(model))[-1] == ["first", "second"]
    assert len(ranges_of(model, [window(*range(9))])) == 7


class EveryOtherToken(torch.nn.Module):
    """An expert, for one."""

    def __init__(self):
        super().__init__()
        self.inside = torch.nn.Linear(64, 64)

    def forward(self, hidden):
        return hidden + self.inside(hidden[:, ::2]).mean(1, keepdim=True)


def test_a_layer_that_does_not_see_every_token_is_left_out(random_llama):
    model = random_llama()
    model.model.layers[1].mlp = EveryOtherToken()
    found = ranges_of(model, [window(*range(9)), window(*range(5))])
    assert "model.layers.1.mlp.inside" not in found and len(found) == 6


def test_a_pass_that_fails_leaves_nothing(random_llama):
    model = random_llama()
    counter = range_counter(model)
    model.model.layers[1].mlp.register_forward_pre_hook(lambda module, args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Scorer(model, counter).states([window(1, 2, 3)])
    assert counter.take() == {}


def test_text_like_the_calibration_exceeds_it_as_often_as_chance_says():
    generator = np.random.default_rng(0)
    calibration, text = generator.normal(size=(90, 20_000)), generator.normal(size=(30, 20_000))
    beyond = (text.min(0) < calibration.min(0)) | (text.max(0) > calibration.max(0))
    assert share_by_chance(30, 90) == pytest.approx(beyond.mean(), abs=0.01)


def test_linear_layers_by_another_name_are_found():
    sizes = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}
    model = AutoModelForCausalLM.from_config(FalconConfig(**sizes)).eval()

    found = find_layer_inputs(model)

    assert {each.channels for each in found} == {32, 128} and "lm_head" not in {each.name for each in found}
    assert sum(len(each.layers) for each in found) == 4
