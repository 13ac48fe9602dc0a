"""What a run needs in memory is told before the weights load, and refused where there is no room for it."""

import logging
from dataclasses import replace

import pytest
import torch
from accelerate import init_empty_weights
from one_line import quantize
from transformers import AutoConfig, AutoModelForCausalLM

from optimum_multilingual import memory_plan
from optimum_multilingual.errors import ModelError
from optimum_multilingual.evaluation.free_memory import free_memory
from optimum_multilingual.memory_plan import MemoryPlan

NO_SET = {"num_rows": None, "sequence_length": None}


@pytest.mark.parametrize("tied", [True, False])
def test_weights_are_those_of_the_loaded_model(random_llama, tied):
    loaded = random_llama(tie_word_embeddings=tied)
    with init_empty_weights(include_buffers=True):
        empty = AutoModelForCausalLM.from_config(loaded.config, dtype=torch.float32)

    plan = MemoryPlan.of(empty, 0, None)

    held = {tensor.data_ptr(): tensor.nbytes for tensor in [*loaded.parameters(), *loaded.buffers()]}
    assert plan.weights == plan.needed == sum(held.values())
    assert plan.rows == plan.states == 0


def test_rows_and_copies_are_counted(random_llama):
    model = random_llama().to(torch.bfloat16)

    plan = MemoryPlan.of(model, 192, None, copies=1, rows_held=2)

    assert plan.rows == 2 * 6 * 32 * 64 * 2  # in and out of a block; rows, tokens, hidden size, bytes of bfloat16
    assert plan.needed == 2 * plan.weights + plan.rows
    assert MemoryPlan.of(model, 192, None).needed == plan.weights
    assert "weights of 2 models" in str(plan) and "192 calibration tokens" in str(plan)


def test_a_run_without_room_is_refused_before_the_weights_load(tiny_model_path, tmp_path, monkeypatch):
    for path in tiny_model_path.iterdir():
        if path.name != "model.safetensors":
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    monkeypatch.setattr(memory_plan, "_free", lambda place: 10e6)

    with pytest.raises(
        ModelError, match=r"more than 12\.\d MB on cpu .*192 calibration tokens.* 10\.0 MB are free.*num_rows"
    ):
        quantize(tmp_path)


def test_processes_share_the_memory_of_a_machine(random_llama, monkeypatch):
    whole = memory_plan._free(torch.device("cpu"))
    assert whole == pytest.approx(free_memory(), rel=0.1)
    weights = int(0.7 * whole)
    plan = replace(MemoryPlan.of(random_llama(), 0, None), weights=weights)

    plan.require_room({"": "cpu"})
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(ModelError, match=r"needs more than .* on cpu .*device_map='auto'"):
        plan.require_room({"": "cpu"})


@pytest.mark.parametrize("device_map", ["auto", {"a": "cpu", "b": "disk"}, {"": "mps"}, {"": "meta"}])
def test_where_nobody_knows_what_is_free_nothing_is_refused(random_llama, device_map):
    replace(MemoryPlan.of(random_llama(), 0, None), weights=10**18).require_room(device_map)


def test_the_plan_is_told(random_llama, caplog):
    with caplog.at_level(logging.INFO, logger="optimum_multilingual.memory_plan"):
        MemoryPlan.of(random_llama(), 0, None).require_room({"": "cpu"})

    assert "In memory at once: weights" in caplog.text and "free on cpu" in caplog.text


def test_evaluation_states_are_counted(tiny_model_path, caplog):
    config = AutoConfig.from_pretrained(tiny_model_path)
    with caplog.at_level(logging.INFO, logger="optimum_multilingual.memory_plan"):
        report = quantize(tiny_model_path, "rtn", engine="gptqmodel", **NO_SET).multilingual_report

    tokens = sum(score.tokens for score in report.scores)
    assert f"of {tokens:,} evaluation tokens {tokens * config.hidden_size * 4 / 1e6:,.1f} MB" in caplog.text
