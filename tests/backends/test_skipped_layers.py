"""`skip_modules` of methods that Transformers does while it loads: exactly the named layers stay, and the output projection."""

import pytest
import torch
from one_line import LANGUAGES, logits_of
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, TorchAoConfig
from transformers.quantizers.quantizers_utils import should_convert_module

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig
from optimum_multilingual.backends import find_backend
from optimum_multilingual.backends.on_the_fly import names_to_skip
from optimum_multilingual.errors import ModelError

SHORT = EvaluationConfig(tokens_per_language=300, bootstrap_draws=100)


def config(method, names=(), evaluation=SHORT):
    options = {"method_options": {"skip_modules": names}} if names else {}
    return MultilingualCalibrationConfig(method, languages=LANGUAGES, evaluation=evaluation, **options)


def left_in(model):
    """Full names of linear layers that are as they were."""
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)}
    return {
        name
        for name, layer in layers.items()
        if type(layer) is torch.nn.Linear and type(layer.weight) is torch.nn.Parameter
    }


@pytest.mark.parametrize("method", ["llm.int8", "nf4", "int8-weight-only", "intx-weight-only"])
def test_a_model_with_named_layers_left_is_measured_and_loads_as_it_was(tiny_model_path, tmp_path, monkeypatch, method):
    monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: False)  # loaders would choose another kernel
    given = config(method, ["down_proj", "layers.0.self_attn.q_proj"])
    model = AutoModelForCausalLM.from_pretrained(tiny_model_path, quantization_config=given, dtype="float32")
    depth = range(model.config.num_hidden_layers)
    left = {f"model.layers.{layer}.mlp.down_proj" for layer in depth} | {"model.layers.0.self_attn.q_proj", "lm_head"}
    assert left_in(model) == left
    assert len(model.multilingual_report.scores) == len(LANGUAGES)
    model.save_pretrained(tmp_path / "out")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="float32")
    assert left_in(again) == left and torch.equal(logits_of(again), logits_of(model))


@pytest.mark.parametrize("method", ["llm.int8", "nf4", "int8-weight-only"])
def test_a_block_is_left_and_not_those_whose_number_begins_like_its_own(random_llama, method):
    model = random_llama(num_hidden_layers=12)
    backend = find_backend(config(method, ["layers.1"]))
    backend.check_model(model)
    backend.quantize(model, None)
    assert {name.split(".")[2] for name in left_in(model) - {"lm_head"}} == {"1"} and "lm_head" in left_in(model)


def test_a_layer_is_left_and_not_those_whose_name_begins_or_ends_like_its_own(random_llama):
    model = random_llama()
    mlp, attention = model.model.layers[0].mlp, model.model.layers[0].self_attn
    mlp.up, attention.model = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    model.add_module("model_up", torch.nn.Linear(2, 2))
    for wanted in ("model.layers.0.mlp.up", "model.layers.0.self_attn.model", "model_up"):
        names = names_to_skip(model, [wanted])
        every = [name for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)]
        for ending in ("", ".weight"):
            assert {name for name in every if not should_convert_module(name + ending, names)} == {wanted, "lm_head"}


@pytest.mark.parametrize("method", ["nf4", "int8-dynamic"])
@pytest.mark.parametrize(
    ("names", "words"), [(["down_porj"], "has no layer 'down_porj' to skip"), (["layers"], "has no linear layer that")]
)
def test_names_that_mean_no_layer_or_leave_none_are_refused(random_llama, method, names, words):
    with pytest.raises(ModelError, match=words):
        find_backend(config(method, names)).check_model(random_llama())


def test_a_layer_that_is_left_need_not_divide_into_groups(random_llama):
    model = random_llama(hidden_size=64, intermediate_size=72)
    with pytest.raises(ModelError, match=r"does not divide the 72 inputs of layer model\.layers\.0\.mlp\.down_proj"):
        find_backend(config("8da4w")).check_model(model)
    backend = find_backend(config("8da4w", ["down_proj"]))
    backend.check_model(model)
    assert backend.group_size == 32


def upstream(engine, names):
    from torchao.quantization import Int8WeightOnlyConfig

    if engine == "torchao":
        return TorchAoConfig(Int8WeightOnlyConfig(), modules_to_not_convert=names)
    return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=names)


@pytest.mark.parametrize(
    ("engine", "setting"), [("bitsandbytes", "llm_int8_skip_modules"), ("torchao", "modules_to_not_convert")]
)
def test_an_upstream_list_without_the_output_projection_is_refused_where_it_is_measured(random_llama, engine, setting):
    model = random_llama()
    for names in ([], ["down_proj"]):
        with pytest.raises(ModelError, match=rf"{setting}=\[.*\]\) does not name the output proj.*Add 'lm_head'"):
            find_backend(config(upstream(engine, names))).check_model(model)
        find_backend(config(upstream(engine, names), evaluation=None)).check_model(model)
    for names in (None, ["lm_head", "down_proj"]):
        find_backend(config(upstream(engine, names))).check_model(model)
