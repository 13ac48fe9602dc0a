"""optimum-quanto: what it rounds and forwards, and that what is measured is what loads."""

import json

import pytest
import torch
from one_line import LANGUAGES, quantize
from transformers import AutoModelForCausalLM, GPTNeoXConfig, OPTConfig

from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.backends import find_backend
from optimum_multilingual.errors import ConfigError, ModelError

SHORT = EvaluationConfig(tokens_per_language=300, bootstrap_draws=100)
NO_SET = {"num_rows": None, "sequence_length": None}
IDS = torch.arange(40)[None] + 300


def logits_of(model):
    with torch.no_grad():  # inference_mode cannot unpack 4 and 2 bits (optimum-quanto 0.2.7)
        return model(input_ids=IDS).logits


@pytest.mark.parametrize(
    ("method", "bits", "options", "kinds"),
    [
        ("quanto", 4, {"skip_modules": ["down_proj"]}, ("qint4", "none")),
        ("quanto", 8, {"weights": "float8"}, ("qfloat8_e4m3fn", "none")),
        ("quanto-activations", 4, {}, ("qint4", "qint8")),
        ("quanto-activations", 8, {"weights": "float8", "activations": "float8"}, ("qfloat8_e4m3fn", "qfloat8_e4m3fn")),
    ],
)
def test_what_is_measured_is_what_loads(tiny_model_path, tmp_path, method, bits, options, kinds):
    from optimum.quanto import QuantizedModelForCausalLM

    no_set = NO_SET if method == "quanto" else {}
    model = quantize(tiny_model_path, method, bits=bits, method_options=options, evaluation=SHORT, **no_set)
    model.save_pretrained(tmp_path / "out")
    layers = json.loads((tmp_path / "out" / "quanto_qmap.json").read_text(encoding="utf-8"))
    assert {(layer["weights"], layer["activations"]) for layer in layers.values()} == {kinds}
    assert "lm_head" not in layers
    assert any("down_proj" in name for name in layers) == (not options.get("skip_modules"))
    assert torch.equal(logits_of(QuantizedModelForCausalLM.from_pretrained(tmp_path / "out")), logits_of(model))
    assert all(score.kl.mean.value > 0 for score in model.multilingual_report.scores)
    assert (model.multilingual_report.setting["bits"], model.multilingual_report.setting["weights"]) == (bits, kinds[0])


def test_norms_that_get_activations_do_not_stand_for_the_layers(tokenizer, tmp_path):
    from optimum.quanto import QuantizedModelForCausalLM

    sizes = {"hidden_size": 64, "word_embed_proj_dim": 64, "ffn_dim": 128}
    depth = {"num_hidden_layers": 2, "num_attention_heads": 4}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        dense = AutoModelForCausalLM.from_config(OPTConfig(vocab_size=len(tokenizer), **sizes, **depth))
    dense.save_pretrained(tmp_path / "dense")
    tokenizer.save_pretrained(tmp_path / "dense")
    model = quantize(tmp_path / "dense", "quanto-activations", bits=8, evaluation=SHORT)
    model.save_pretrained(tmp_path / "out")
    layers = json.loads((tmp_path / "out" / "quanto_qmap.json").read_text(encoding="utf-8"))
    assert next(iter(layers.values()))["weights"] == "none" and "lm_head" not in layers
    setting = model.multilingual_report.setting
    assert (setting["weights"], setting["activations"], setting["kernel"]) == ("qint8", "qint8", "QLinear")
    assert torch.equal(logits_of(QuantizedModelForCausalLM.from_pretrained(tmp_path / "out")), logits_of(model))


@pytest.mark.parametrize(
    ("names", "skipped"),
    [
        (["down_proj", "layers.0.self_attn.q_proj"], lambda name: "down_proj" in name or "0.self_attn.q_proj" in name),
        (["mlp"], lambda name: "mlp" in name),
    ],
    ids=["layers", "blocks"],
)
def test_named_layers_are_left_beside_the_output_projection(tiny_model_path, names, skipped):
    from optimum.quanto.nn import QLinear

    model = quantize(tiny_model_path, "quanto", method_options={"skip_modules": names}, evaluation=None, **NO_SET)
    linear = {name: layer for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)}
    left = {name for name, layer in linear.items() if not isinstance(layer, QLinear)}
    assert left == {name for name in linear if skipped(name) or name == "lm_head"}


@pytest.mark.parametrize(
    ("names", "words"), [(["down_porj"], "has no layer 'down_porj' to skip"), (["layers"], "has no linear layer that")]
)
def test_names_that_mean_no_layer_or_leave_none_are_refused(tiny_model_path, names, words):
    with pytest.raises(ModelError, match=words):
        quantize(tiny_model_path, "quanto", method_options={"skip_modules": names}, evaluation=None, **NO_SET)


def test_a_family_whose_activations_it_cannot_run_is_refused():
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(GPTNeoXConfig(num_hidden_layers=1))
    find_backend(MultilingualCalibrationConfig("quanto", languages=LANGUAGES)).check_model(model)
    with pytest.raises(ModelError, match="cannot run a gpt_neox model"):
        find_backend(MultilingualCalibrationConfig("quanto-activations", languages=LANGUAGES)).check_model(model)


def test_the_fault_that_is_worked_around_is_still_there(tiny_model_path, tmp_path):
    """When this fails, `QuantoBackend._calibrate` may streamline."""
    from optimum.quanto import Calibration, QuantizedModelForCausalLM, freeze, qint8
    from optimum.quanto import quantize as by_quanto

    model = AutoModelForCausalLM.from_pretrained(tiny_model_path)
    by_quanto(model, weights=qint8, activations=qint8, exclude="lm_head")
    with torch.no_grad(), Calibration(streamline=True):
        model(IDS)
    freeze(model)
    QuantizedModelForCausalLM(model).save_pretrained(tmp_path / "out")
    assert not torch.equal(logits_of(QuantizedModelForCausalLM.from_pretrained(tmp_path / "out")), logits_of(model))


def calibrated(tiny_model_path, tokenizer, order=slice(None), **options):
    config = MultilingualCalibrationConfig(
        "quanto-activations", languages=LANGUAGES, num_rows=6, sequence_length=32, method_options=options
    )
    rows = build_calibration_set(config, tokenizer)
    rows = type(rows)(rows.rows[order], rows.manifest)
    model, seen = AutoModelForCausalLM.from_pretrained(tiny_model_path), []
    model.get_input_embeddings().register_forward_pre_hook(lambda module, args: seen.append(args[0].clone()))
    backend = find_backend(config)
    backend.check_model(model)
    backend.quantize(model, rows)
    return model, seen, rows


def test_every_row_is_forwarded_once_in_order_and_languages_take_turns(tiny_model_path, tokenizer):
    _, seen, rows = calibrated(tiny_model_path, tokenizer)
    assert torch.equal(torch.cat(seen), torch.from_numpy(rows.token_ids()).long())
    assert [row.language for row in rows][:3] == [row.language for row in rows][3:]


def test_scales_are_a_moving_average_in_which_order_counts_and_are_the_same_each_time(tiny_model_path, tokenizer):
    def scales(**settings):
        model, _, _ = calibrated(tiny_model_path, tokenizer, **settings)
        return [layer.output_scale.item() for layer in model.modules() if hasattr(layer, "output_scale")]

    first = scales()
    assert first == scales()
    assert first != scales(order=slice(None, None, -1))
    assert first != scales(momentum=0.5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bits": 4, "method_options": {"weights": "float8"}}, ["weights='float8' with bits=4", "bits=8"]),
        ({"bits": 3}, ["bits=3", "8, 4, 2"]),
        ({"group_size": 64}, ["has no groups"]),
        ({"num_rows": 8}, ["needs no calibration"]),
        ({"method_options": {"activations": "int"}}, ["no option 'activations'"]),
    ],
    ids=str,
)
def test_settings_it_cannot_do_are_refused(settings, words):
    with pytest.raises(ConfigError) as refusal:
        find_backend(MultilingualCalibrationConfig("quanto", languages=LANGUAGES, **settings))
    assert [word for word in words if word not in str(refusal.value)] == []
