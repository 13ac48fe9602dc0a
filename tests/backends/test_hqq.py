"""hqq: its own layers in memory, over all that is asked for, and the facts for which it saves nothing."""

import pytest
import torch
from one_line import LANGUAGES, logits_of
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, GPTNeoXConfig, HqqConfig, OPTConfig

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig
from optimum_multilingual.backends import find_backend
from optimum_multilingual.errors import ModelError

SHORT = EvaluationConfig(tokens_per_language=300, bootstrap_draws=100)


def quantize(path, **settings):
    config = MultilingualCalibrationConfig("hqq", languages=LANGUAGES, **{"evaluation": None, **settings})
    return AutoModelForCausalLM.from_pretrained(path, quantization_config=config, dtype="float32")


def layers_of(model):
    from hqq.core.quantize import HQQLinear

    return {name: layer for name, layer in model.named_modules() if isinstance(layer, HQQLinear)}


def test_the_weights_are_those_of_hqqs_own_models(tiny_model_path):
    from hqq.core.quantize import BaseQuantizeConfig
    from hqq.models.hf.base import AutoHQQHFModel

    theirs = AutoModelForCausalLM.from_pretrained(tiny_model_path, dtype="float32")
    settings = BaseQuantizeConfig(nbits=4, group_size=64)
    AutoHQQHFModel.quantize_model(theirs, settings, compute_dtype=torch.float32, device="cpu")
    ours = quantize(tiny_model_path)
    assert layers_of(ours).keys() == layers_of(theirs).keys()
    assert "lm_head" not in layers_of(ours)
    assert torch.equal(logits_of(ours), logits_of(theirs))


def test_fewer_bits_lose_more_in_every_language(tiny_model_path):
    reports = [quantize(tiny_model_path, bits=bits, evaluation=SHORT).multilingual_report for bits in (8, 2)]
    assert [report.setting["bits"] for report in reports] == [8, 2]
    for language in LANGUAGES:
        losses = [report[language].kl.mean.value for report in reports]
        assert 0 < losses[0] < losses[1]


@pytest.mark.parametrize("group_size", [-1, 8, 32])
def test_groups_are_those_asked_for(tiny_model_path, group_size):
    [layer, *_] = layers_of(quantize(tiny_model_path, bits=2, group_size=group_size)).values()
    assert layer.meta["scale"].numel() == layer.out_features * layer.in_features // (
        layer.in_features if group_size == -1 else group_size
    )


def test_named_layers_are_left_beside_the_output_projection(tiny_model_path):
    model = quantize(tiny_model_path, method_options={"skip_modules": ["mlp", "layers.0.self_attn.q_proj"]})
    names = layers_of(model).keys()
    assert names and not [name for name in names if ".mlp." in name or name == "model.layers.0.self_attn.q_proj"]


def test_layers_move_with_their_model(tiny_model_path):
    model = quantize(tiny_model_path).to("cpu", torch.bfloat16)
    assert logits_of(model).dtype == torch.bfloat16


@pytest.mark.parametrize(
    "config",
    [
        OPTConfig(hidden_size=64, word_embed_proj_dim=64, ffn_dim=128, num_hidden_layers=1, num_attention_heads=4),
        GPTNeoXConfig(hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=4),
    ],
    ids=["opt", "gpt-neox"],
)
def test_layers_with_biases_of_other_families_are_quantized(config, tokenizer, tmp_path):
    config.vocab_size = len(tokenizer)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    dense = AutoModelForCausalLM.from_pretrained(tmp_path)
    difference = (logits_of(quantize(tmp_path, bits=8)) - logits_of(dense)).norm() / logits_of(dense).norm()
    assert 0 < difference < 0.05


def test_groups_that_do_not_divide_a_layer_are_refused(random_llama):
    config = MultilingualCalibrationConfig("hqq", languages=LANGUAGES, group_size=128)
    with pytest.raises(ModelError, match=r"group_size=128 does not divide the 64 inputs.*8, 16, 32, 64"):
        find_backend(config).check_model(random_llama())


def test_no_loader_takes_checkpoints_of_it_without_a_pickle(tiny_model_path, tmp_path):
    """When this fails, `HQQBackend` may save."""
    from hqq.models.hf.base import AutoHQQHFModel

    with pytest.raises(NotImplementedError, match="HQQ is not available yet"):
        AutoModelForCausalLM.from_pretrained(tiny_model_path, quantization_config=HqqConfig(nbits=4, group_size=64))
    model = quantize(tiny_model_path)
    model.config.save_pretrained(tmp_path)
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(Exception, match="Weight file missing"):
        AutoHQQHFModel.from_quantized(str(tmp_path), device="cpu")
