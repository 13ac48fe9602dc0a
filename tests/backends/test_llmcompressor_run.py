"""llm-compressor in a process: nothing of a run stays behind, and other processes change nothing."""

import os
import subprocess
import sys

import pytest
import torch
from one_line import logits_of
from one_line import quantize as by_one_line


def awq(path):
    return by_one_line(path, "awq", engine="llmcompressor", evaluation=None, method_options={"n_grid": 3})


def test_nothing_of_a_run_stays_behind(random_model_path, capfd):
    from llmcompressor import active_session
    from llmcompressor.pipelines.cache import IntermediatesCache

    session, pin_memory, environment = active_session(), IntermediatesCache.pin_memory, dict(os.environ)
    capfd.readouterr()
    state = torch.get_rng_state()
    model = awq(random_model_path)
    assert torch.equal(torch.get_rng_state(), state)
    assert capfd.readouterr().out == ""
    assert active_session() is session and session.lifecycle.recipe.modifiers == []
    assert IntermediatesCache.pin_memory is pin_memory and dict(os.environ) == environment
    assert all(type(module._parameters) is dict for module in model.modules()), "weights are where they were"


def test_beside_other_processes_it_quantizes_as_alone(random_model_path):
    alone = logits_of(awq(random_model_path))
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        beside = logits_of(awq(random_model_path))
        assert torch.distributed.is_initialized()
    finally:
        torch.distributed.destroy_process_group()
    assert torch.equal(beside, alone)


def test_outputs_that_the_process_gave_to_loguru_stay():
    script = """
import sys
from loguru import logger
logger.remove(); logger.add(sys.stdout, format="{message}")
from optimum_multilingual.backends.llmcompressor_run import import_silently, quiet_steps
import_silently()
with quiet_steps():
    pass
logger.info("heard")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "heard"


@pytest.mark.skipif(torch.accelerator.is_available(), reason="the fault is that of machines without an accelerator")
def test_the_fault_of_llm_compressor_that_is_worked_around_is_still_there():
    """When this fails, `without_pinned_memory` can go."""
    from llmcompressor.pipelines.cache import IntermediatesCache

    cache = IntermediatesCache.empty(1, torch.device("cpu"))
    cache.update(0, {"input_ids": torch.ones(2)})
    with pytest.raises(RuntimeError, match="accelerator"):
        cache.pin_memory(0)
