"""The GPTQ engine: what it really forwards, what it refuses, and the checkpoint format it leaves."""

import subprocess
import sys

import pytest
import torch
from transformers import AutoModelForCausalLM, AwqConfig, GPTQConfig, MixtralConfig, MixtralForCausalLM

from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.backends import find_backend
from optimum_multilingual.errors import ConfigError, ModelError

LANGUAGES = ["en", "sw", "zh"]


def config(method="gptq", **settings):
    return MultilingualCalibrationConfig(method, languages=LANGUAGES, num_rows=8, sequence_length=32, **settings)


def test_the_engine_forwards_every_row_once_and_in_order(tiny_model_path, tokenizer):
    weighted = config(mixture={"en": 2, "sw": 1, "zh": 1})
    rows = build_calibration_set(weighted, tokenizer)
    model = AutoModelForCausalLM.from_pretrained(tiny_model_path)
    backend = find_backend(weighted)
    backend.check_model(model)
    seen = []
    model.get_input_embeddings().register_forward_pre_hook(lambda module, args: seen.append(args[0].clone()))

    backend.quantize(model, rows)

    assert [batch.shape for batch in seen] == [(8, 32)], "eight short rows are run together"
    assert torch.equal(torch.cat(seen), torch.from_numpy(rows.token_ids()).long())
    assert rows.rows_of_languages() == {"eng_Latn": 4, "swh_Latn": 2, "cmn_Hans": 2}


def test_every_token_of_every_row_reaches_the_first_layer(tiny_model_path, tokenizer):
    rows = build_calibration_set(config(), tokenizer)
    model = AutoModelForCausalLM.from_pretrained(tiny_model_path)
    backend = find_backend(config())
    backend.check_model(model)
    shapes = []
    layer = model.model.layers[0].self_attn.q_proj
    layer.register_forward_pre_hook(lambda module, args: shapes.append(tuple(args[0].shape)))

    backend.quantize(model, rows)

    traced, *passes = shapes
    assert traced == (1, 4, model.config.hidden_size), "a pass over zeros tells which layers share their input"
    # Once for q, k and v together; then for o, for gate and up, for down; then for the output of the block.
    assert passes == [(8, 32, model.config.hidden_size)] * 5


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"bits": 5}, ["bits=5", "2, 3, 4, 8"]),
        ({"group_size": 100}, ["group_size=100", "128"]),
        ({"method": GPTQConfig(bits=4, dataset=["some text"])}, ["dataset", "leave dataset out"]),
        ({"method": GPTQConfig(bits=4, sym=False)}, ["sym=False", "format='gptq_v2'"]),
        ({"method": GPTQConfig(bits=4, batch_size=4)}, ["batch_size=4", "pad_token_id=0"]),
        ({"method": GPTQConfig(bits=4, backend="torch_aten")}, ["torch_aten", "backend='torch'"]),
        ({"method": GPTQConfig(bits=4, group_size=48)}, ["group_size=48"]),
        ({"method": GPTQConfig(bits=4, group_size=-1)}, ["group_size=-1", "act_group_aware=False"]),
        ({"method": "gtpq"}, ["'gtpq'", "Did you mean 'gptq'"]),
        ({"method": AwqConfig(bits=4)}, ["AwqConfig", "GPTQConfig", "gptq"]),
    ],
)
def test_settings_the_engine_cannot_do_are_refused_with_what_it_can(settings, words):
    with pytest.raises(ConfigError) as refusal:
        find_backend(config(**settings))
    assert all(word in str(refusal.value) for word in words), refusal.value


def test_a_group_size_that_does_not_divide_a_layer_names_those_that_do(random_llama):
    with pytest.raises(ModelError, match=r"group_size=128 does not divide the 64 inputs.*16, 32, 64"):
        find_backend(config(group_size=128)).check_model(random_llama())


def test_without_a_group_size_the_largest_fitting_one_is_taken(random_llama):
    backend = find_backend(config())
    backend.check_model(random_llama())
    assert backend.upstream.group_size == 64


def test_a_layer_that_cannot_be_packed_is_named(random_llama):
    with pytest.raises(ModelError, match=r"gate_proj is 80 x 64.*multiples of 32"):
        find_backend(config(group_size=-1)).check_model(random_llama(intermediate_size=80))


def test_fused_experts_are_refused_because_the_engine_would_pass_over_them():
    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "vocab_size": 128}
    model = MixtralForCausalLM(
        MixtralConfig(**sizes, num_attention_heads=2, num_key_value_heads=2, num_local_experts=2)
    )
    with pytest.raises(ModelError, match="experts in fused tensors"):
        find_backend(config()).check_model(model)


def test_a_family_whose_checkpoint_could_not_be_loaded_again_is_refused():
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(n_embd=64, n_layer=1, n_head=2, vocab_size=128))
    with pytest.raises(ModelError, match="could not be loaded again"):
        find_backend(config()).check_model(model)


def test_the_given_upstream_config_is_not_changed():
    given = GPTQConfig(bits=4, group_size=64, desc_act=True)
    before = given.to_dict()
    find_backend(config(method=given))
    assert given.to_dict() == before


def test_a_kernel_that_does_not_exist_is_refused_with_those_there_are():
    config = MultilingualCalibrationConfig(GPTQConfig(bits=4, backend="marlinn"), languages=["en"])
    with pytest.raises(ConfigError, match=r"backend='marlinn'.*gptq_marlin"):
        find_backend(config)


def test_the_first_import_of_the_engine_leaves_the_environment_as_it_was_and_keeps_no_model(random_model_path):
    script = """
import gc, os, sys, weakref
from transformers import AutoModelForCausalLM
before = dict(os.environ)
from optimum_multilingual import MultilingualCalibrationConfig
sizes = {"num_rows": 2, "sequence_length": 32, "evaluation": None}
config = MultilingualCalibrationConfig("gptq", languages=["en"], **sizes)
model = weakref.ref(AutoModelForCausalLM.from_pretrained(sys.argv[1], quantization_config=config))
gc.collect()
assert model() is None
from optimum_multilingual.backends.quiet import KEPT
assert "gptqmodel" in sys.modules
assert {k: v for k, v in os.environ.items() if k not in KEPT} == {k: v for k, v in before.items() if k not in KEPT}
"""
    subprocess.run([sys.executable, "-c", script, str(random_model_path)], check=True)


def test_logging_is_left_as_it_was():
    import logging

    root = logging.getLogger()
    before = (root.level, list(root.handlers), root.manager.disable)
    find_backend(config())
    assert (root.level, list(root.handlers), root.manager.disable) == before
