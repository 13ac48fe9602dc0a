"""Methods without calibration: the weights are upstream's own, nothing is built, and what would do nothing is refused."""

import pytest
import torch
from one_line import LANGUAGES, logits_of
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, GPT2Config, GPT2LMHeadModel, TorchAoConfig

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig
from optimum_multilingual.backends import find_backend
from optimum_multilingual.errors import ConfigError, ModelError

SHORT = EvaluationConfig(tokens_per_language=300, bootstrap_draws=100)


def quantize(path, method, **settings):
    config = MultilingualCalibrationConfig(method, languages=LANGUAGES, **{"evaluation": SHORT, **settings})
    return AutoModelForCausalLM.from_pretrained(path, quantization_config=config, dtype="float32")


def weights_of(model):
    quantized = model.hf_quantizer.get_state_dict_and_metadata(model)[0]
    return model.state_dict() if quantized is None else quantized


def upstream_configs():
    from torchao.quantization import Int8WeightOnlyConfig, IntxWeightOnlyConfig, PerGroup

    four_bits = {"load_in_4bit": True, "bnb_4bit_compute_dtype": torch.bfloat16}
    return {
        "llm.int8": BitsAndBytesConfig(load_in_8bit=True),
        "nf4": BitsAndBytesConfig(**four_bits, bnb_4bit_quant_type="nf4"),
        "fp4": BitsAndBytesConfig(**four_bits, bnb_4bit_quant_type="fp4"),
        "int8-weight-only": TorchAoConfig(Int8WeightOnlyConfig()),
        "intx-weight-only": TorchAoConfig(IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=PerGroup(32))),
    }


@pytest.mark.parametrize("method", ["llm.int8", "nf4", "fp4", "int8-weight-only", "intx-weight-only"])
def test_the_weights_are_those_of_transformers_by_name_or_by_upstream_config(tiny_model_path, method):
    upstream = upstream_configs()[method]
    theirs = weights_of(
        AutoModelForCausalLM.from_pretrained(tiny_model_path, quantization_config=upstream, dtype="float32")
    )
    for given in (method, upstream):
        model = quantize(tiny_model_path, given)
        ours = weights_of(model)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        assert model.multilingual_report.setting["method"] == method
        assert model.name_or_path == str(tiny_model_path)


def test_double_quantization_keeps_scales_in_eight_bits(tiny_model_path):
    plain, double = (
        quantize(tiny_model_path, "nf4", method_options={"double_quant": double}).model.layers[0].mlp.up_proj
        for double in (False, True)
    )
    assert plain.weight.quant_state.absmax.dtype == torch.float32
    assert double.weight.quant_state.absmax.dtype == torch.uint8


@pytest.fixture
def same_kernels(monkeypatch):
    """Loaders of bitsandbytes choose the kernel of a CPU without AVX512-BF16, whose sums are the same as in memory."""
    monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: False)


@pytest.mark.parametrize("double", [False, True])
def test_four_bits_survive_the_disk_after_a_pass_on_a_cpu_that_repacks(
    tiny_model_path, tmp_path, monkeypatch, same_kernels, double
):
    with monkeypatch.context() as patch:
        # What bitsandbytes finds on a CPU with AVX512-BF16; repacking itself runs on any.
        patch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: True)
        model = quantize(tiny_model_path, "nf4", method_options={"double_quant": double})
        before = logits_of(model)
        model.save_pretrained(tmp_path / "out")
    assert torch.equal(logits_of(AutoModelForCausalLM.from_pretrained(tmp_path / "out")), before)


def test_the_fault_of_bitsandbytes_that_is_worked_around_is_still_there():
    """When this fails, `BitsAndBytesBackend.quantize` need not keep layers from repacking."""
    from bitsandbytes.functional import (
        _convert_weight_packed_for_cpu,
        _convert_weight_packed_for_cpu_inverse,
        quantize_4bit,
    )

    packed, state = quantize_4bit(torch.randn(64, 128), quant_type="nf4", blocksize=64)
    scales = state.absmax.clone()
    _, restored = _convert_weight_packed_for_cpu_inverse(*_convert_weight_packed_for_cpu(packed, state))
    assert restored.absmax.shape != scales.shape or not torch.allclose(restored.absmax.float(), scales, rtol=0.01)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("llm.int8", {}),
        ("nf4", {"method_options": {"double_quant": True}}),
        ("int8-dynamic", {}),
        ("8da4w", {"group_size": -1}),
        ("intx-weight-only", {"bits": 2, "group_size": 64}),
        ("intx-weight-only", {"method_options": {"choose_qparams_algorithm": "hqq_scale_only"}}),
    ],
)
def test_other_types_of_weights_survive_the_disk(tiny_model_path, tmp_path, same_kernels, dtype, method, settings):
    config = MultilingualCalibrationConfig(method, languages=LANGUAGES, evaluation=None, **settings)
    model = AutoModelForCausalLM.from_pretrained(tiny_model_path, quantization_config=config, dtype=dtype)
    model.save_pretrained(tmp_path / "out")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=dtype)
    assert torch.equal(logits_of(again), logits_of(model))
    assert logits_of(model).dtype == getattr(torch, dtype)


def test_scales_of_hqq_leave_weights_nearer_to_what_they_were_than_those_of_the_largest(tiny_model_path):
    """By the norm that HQQ minimizes: outliers count less in it than in a square."""
    dense = AutoModelForCausalLM.from_pretrained(tiny_model_path, dtype="float32").model.layers[0].mlp.up_proj.weight

    def distance(algorithm):
        settings = {"bits": 3, "method_options": {"choose_qparams_algorithm": algorithm}, "evaluation": None}
        model = quantize(tiny_model_path, "intx-weight-only", **settings)
        return (model.model.layers[0].mlp.up_proj.weight.dequantize() - dense).abs().pow(0.7).sum()

    assert distance("hqq_scale_only") < distance("affine")


def test_options_reach_upstream(tiny_model_path):
    model = quantize(tiny_model_path, "llm.int8", method_options={"threshold": 3.5})
    assert model.config.quantization_config.llm_int8_threshold == 3.5


@pytest.mark.parametrize(("named", "size"), [("PerGroup", 64), ("PerAxis", -1)])
@pytest.mark.parametrize("method", ["intx-weight-only", "8da4w"])
def test_groups_of_an_upstream_config_are_recorded_as_they_are(tiny_model_path, method, named, size):
    from torchao import quantization

    groups = getattr(quantization, named)(max(size, 0))
    rounding = (
        quantization.IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=groups)
        if method == "intx-weight-only"
        else quantization.Int8DynamicActivationIntxWeightConfig(weight_dtype=torch.int4, weight_granularity=groups)
    )
    model = quantize(tiny_model_path, TorchAoConfig(rounding))
    assert model.multilingual_report.setting["method"] == method
    assert model.multilingual_report.setting["group_size"] == size
    assert model.config.multilingual_calibration["group_size"] == size


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"num_rows": 8}, ["'nf4' by bitsandbytes needs no calibration", "num_rows", "evaluation=EvaluationConfig"]),
        ({"sequence_length": 64, "mixture": "proportional"}, ["sequence_length, mixture would do nothing"]),
        ({"calibration_set": "folder"}, ["calibration_set would do nothing"]),
        ({"seed": 3}, ["seed would do nothing"]),
        ({"bits": 8}, ["bits=8", "allowed are 4"]),
        ({"group_size": 128}, ["group_size=128", "allowed are 64"]),
        ({"method": "llm.int8", "group_size": 64}, ["has no groups"]),
        ({"method_options": {"double_quant": "yes"}}, ["double_quant='yes'", "True or False"]),
        ({"method": BitsAndBytesConfig()}, ["load_in_8bit=True", "load_in_4bit=True"]),
        ({"method": "intx-weight-only", "bits": 1}, ["bits=1", "2, 3, 4, 5, 6, 7, 8"]),
    ],
    ids=str,
)
def test_what_would_do_nothing_or_cannot_be_is_refused(settings, words):
    with pytest.raises(ConfigError) as refusal:
        find_backend(MultilingualCalibrationConfig(**{"method": "nf4", "languages": LANGUAGES, **settings}))
    assert [word for word in words if word not in str(refusal.value)] == []


def test_the_largest_fitting_group_is_taken_and_a_given_one_must_fit(random_llama):
    def backend(**settings):
        return find_backend(MultilingualCalibrationConfig("8da4w", languages=LANGUAGES, **settings))

    free = backend()
    free.check_model(random_llama(hidden_size=48, intermediate_size=96))
    assert free.group_size == 16
    with pytest.raises(ModelError, match=r"group_size=128 does not divide the 64 inputs.*16, 32, 64"):
        backend(group_size=128).check_model(random_llama())


def test_a_model_without_a_layer_that_the_engine_sees_is_refused():
    config = MultilingualCalibrationConfig("int8-weight-only", languages=LANGUAGES)
    model = GPT2LMHeadModel(GPT2Config(n_embd=64, n_layer=1, n_head=2, vocab_size=128))
    with pytest.raises(ModelError, match="no linear layer that 'int8-weight-only' by torchao would quantize"):
        find_backend(config).check_model(model)
    find_backend(MultilingualCalibrationConfig("nf4", languages=LANGUAGES)).check_model(model)
