"""What is published has the layout that vLLM reads: keys of the config, names, shapes and types of the tensors.

Source: GPTQConfig.from_config, GPTQLinearMethod.create_weights (vllm/model_executor/layers/quantization/gptq.py) and
GPTQMarlinConfig.is_gptq_marlin_compatible (gptq_marlin.py) of vLLM.
"""

import json

import pytest
from safetensors import safe_open

from optimum_multilingual import push_to_hub
from optimum_multilingual.hub.loading import read_by_vllm

WORD = 32


@pytest.fixture
def published(me, out):
    push_to_hub(out, "me/model", licence="mit")
    return me.commits[0].files


def test_the_config_has_the_keys_that_are_read(published):
    quantization = json.loads(published["config.json"])["quantization_config"]
    assert quantization["quant_method"] == "gptq" and quantization["checkpoint_format"] == "gptq"
    for key, kind in {"bits": int, "group_size": int, "desc_act": bool, "sym": bool}.items():
        assert type(quantization[key]) is kind
    assert (quantization["bits"], quantization["sym"]) in {(4, True), (8, True)}  # those that its fast kernels take
    assert quantization.get("lm_head", False) is False and not quantization.get("dynamic")
    assert quantization["dataset"] is None and quantization["tokenizer"] is None
    assert read_by_vllm(quantization)


def test_the_tensors_have_the_names_shapes_and_types_that_are_read(published, out):
    quantization = json.loads(published["config.json"])["quantization_config"]
    config = json.loads(published["config.json"])
    packed, group = WORD // quantization["bits"], quantization["group_size"]
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    sizes = {"gate_proj": (hidden, inner), "up_proj": (hidden, inner), "down_proj": (inner, hidden)}
    with safe_open(out / "model.safetensors", "pt") as file:
        names = set(file.keys())
        layers = sorted(name.removesuffix(".qweight") for name in names if name.endswith(".qweight"))
        assert len(layers) == 7 * config["num_hidden_layers"]
        for layer in layers:
            inputs, outputs = sizes.get(layer.rpartition(".")[2], (hidden, hidden))
            assert f"{layer}.weight" not in names
            expected = {
                "qweight": ("int32", (inputs // packed, outputs)),
                "qzeros": ("int32", (inputs // group, outputs // packed)),
                "scales": ("float16", (inputs // group, outputs)),
                "g_idx": ("int32", (inputs,)),
            }
            for name, (kind, shape) in expected.items():
                tensor = file.get_tensor(f"{layer}.{name}")
                assert (str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape)) == (kind, shape), (
                    f"{layer}.{name}"
                )
        assert {name for name in names if "norm" in name or "embed" in name} | {
            f"{layer}.{name}" for layer in layers for name in ("qweight", "qzeros", "scales", "g_idx")
        } == names
