"""The tokens of each language at the experts of a mixture-of-experts, and a warning where an expert gets none."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, JetMoeConfig, MixtralConfig, Qwen3MoeConfig

from optimum_multilingual import EvaluationConfig, MultilingualReport, evaluate_checkpoints, merge_reports
from optimum_multilingual.evaluation.experts import ExpertCounter, expert_layers, warn_of_uncounted_experts

LANGUAGES = ["en", "sw"]
SETTINGS = EvaluationConfig(tokens_per_language=400, sequence_length=48, batch_tokens=300, bootstrap_draws=100)
SIZES = {
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "num_experts_per_tok": 2,
    "max_position_embeddings": 128,
}
FAMILIES = {
    "mixtral": (MixtralConfig, {"num_local_experts": 4}),
    "qwen3_moe": (Qwen3MoeConfig, {"num_experts": 4, "moe_intermediate_size": 32, "head_dim": 32}),
}


def random_experts(family, **settings):
    config, sizes = FAMILIES[family]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(config(**{**SIZES, **sizes, "initializer_range": 0.2, **settings}))


@pytest.fixture(scope="module", params=FAMILIES)
def rigged(request, tokenizer, tmp_path_factory):
    """A report of a model whose first layer never chooses expert 1, against a copy with another output projection."""
    folder = tmp_path_factory.mktemp(request.param)
    model = random_experts(request.param, vocab_size=len(tokenizer), num_experts_per_tok=1)
    with torch.no_grad():
        router = model.model.layers[0].mlp.gate.weight
        # A mean is never the largest, whatever the token.
        router[1] = (router[0] + router[2]) / 2
    model.save_pretrained(folder / "before")
    with torch.no_grad():
        model.lm_head.weight.mul_(0.9)
    model.save_pretrained(folder / "after")
    for name in ("before", "after"):
        tokenizer.save_pretrained(folder / name)
    return evaluate_checkpoints(folder / "before", folder / "after", LANGUAGES, evaluation=SETTINGS)


def test_every_scored_token_of_a_language_is_counted_once_in_each_layer(rigged):
    assert [(load.language, load.layer) for load in rigged.experts] == [
        (tag, f"model.layers.{layer}.mlp.experts") for tag in ("eng_Latn", "swh_Latn") for layer in (0, 1)
    ]
    for load in rigged.experts:
        assert len(load.tokens) == 4 and sum(load.tokens) == rigged[load.language].tokens


def test_an_expert_that_no_language_reaches_is_a_warning_in_the_table_and_in_the_json(rigged):
    assert [load.unreached for load in rigged.experts if ".0." in load.layer] == [(1,), (1,)]
    for name in ("English", "Swahili"):
        assert f"warning: {name} never reaches 1 of 8 experts in 2 layers: model.layers.0.mlp.experts[1]" in str(rigged)
    written = json.loads(rigged.to_json())
    assert [load["unreached"] for load in written["experts"]] == [[1], [], [1], []]
    assert rigged.to_arrow().column("experts_unreached").to_pylist() == [1, 1]


def test_the_counts_survive_json_and_merging(rigged, measured_report):
    assert MultilingualReport.from_dict(json.loads(rigged.to_json())) == rigged
    parts = [
        MultilingualReport.from_dict(
            {
                **rigged.to_dict(),
                **{
                    field: [each for each in rigged.to_dict()[field] if each["language"] == tag]
                    for field in ("languages", "experts")
                },
            }
        )
        for tag in ("eng_Latn", "swh_Latn")
    ]
    assert merge_reports(parts).experts == rigged.experts
    older = {key: value for key, value in rigged.to_dict().items() if key != "experts"}
    assert MultilingualReport.from_dict(older).experts == ()


def test_a_dense_model_has_no_experts_and_no_word_of_them(random_llama, measured_report):
    assert expert_layers(random_llama()) == {}
    report = measured_report({"en": 0.1})
    assert report.experts == () and "expert" not in str(report)
    assert report.to_arrow().column("experts_unreached").to_pylist() == [None]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_counts_are_those_of_the_routers_own_logits_without_padding(family):
    model = random_experts(family, vocab_size=97).eval()
    ids = torch.arange(60).reshape(3, 20)
    scored = torch.arange(20) < torch.tensor([20, 11, 5])[:, None]
    counter = ExpertCounter(model)
    with counter.watching(scored), torch.inference_mode():
        logits = model(ids, output_router_logits=True).router_logits

    counted = counter.take()

    assert len(counted) == len(logits) == 2
    for of_layer, (name, tokens) in zip(logits, counted.items(), strict=True):
        chosen = of_layer.topk(2).indices[scored.flatten()]
        assert tokens.tolist() == torch.bincount(chosen.flatten(), minlength=4).tolist(), name
    assert counter.take() == {} and not any(layer._forward_pre_hooks for layer in model.modules())


def test_experts_that_cannot_be_counted_are_a_warning_and_those_that_can_or_are_none_are_not(
    tokenizer, tmp_path, caplog, random_llama
):
    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_key_value_heads": 1}
    model = AutoModelForCausalLM.from_config(JetMoeConfig(vocab_size=len(tokenizer), kv_channels=32, **sizes))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    report = evaluate_checkpoints(tmp_path, tmp_path, LANGUAGES, evaluation=SETTINGS)
    assert report.experts == ()
    [said] = [record.getMessage() for record in caplog.records if "experts" in record.getMessage()]
    assert "JetMoeForCausalLM has experts (model.layers.0.mlp" in said and "not counted by language" in said

    caplog.clear()
    for counted in (random_experts("mixtral", vocab_size=97), random_llama()):
        warn_of_uncounted_experts(counted)
    assert caplog.records == []


def test_a_pass_that_fails_counts_nothing():
    model = random_experts("mixtral", vocab_size=97)
    counter = ExpertCounter(model)
    model.model.layers[1].mlp.register_forward_pre_hook(lambda module, args: 1 / 0)
    with pytest.raises(ZeroDivisionError), counter.watching(torch.ones(1, 5, dtype=torch.bool)):
        model(torch.arange(5)[None])
    assert counter.take() == {}
