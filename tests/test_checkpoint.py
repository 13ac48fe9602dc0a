"""Saving is all or nothing."""

import signal
import subprocess
import sys

import pytest
from transformers import AutoModelForCausalLM

from optimum_multilingual import MultilingualCalibrationConfig

SAVE_IN_ANOTHER_PROCESS = """
import os, resource, signal, sys
from transformers import AutoModelForCausalLM
from optimum_multilingual import MultilingualCalibrationConfig
source, target, what = sys.argv[1:4]
config = MultilingualCalibrationConfig("gptq", languages=["en"], num_rows=2, sequence_length=32, evaluation=None)
model = AutoModelForCausalLM.from_pretrained(source, quantization_config=config)
if what == "disk full":
    # The weights are larger than any file may now become: the same error a full disk gives.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
if what == "killed":
    # The manifest is written after config and weights: the process dies in the moment that file is opened.
    def die(event, arguments):
        if event == "open" and str(arguments[0]).endswith("calibration_manifest.json"):
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(die)
model.save_pretrained(target)
"""


def save_in_another_process(source, target, what):
    command = [sys.executable, "-c", SAVE_IN_ANOTHER_PROCESS, str(source), str(target), what]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_full_disk_leaves_nothing_that_loads(tiny_model_path, tmp_path):
    done = save_in_another_process(tiny_model_path, tmp_path / "model", "disk full")
    assert "CheckpointError" in done.stderr and "model is as it was before" in done.stderr, done.stderr[-2000:]
    assert list(tmp_path.iterdir()) == []


def test_a_kill_leaves_nothing_that_loads(tiny_model_path, tmp_path):
    done = save_in_another_process(tiny_model_path, tmp_path / "model", "killed")
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "model").exists()
    [partial] = tmp_path.iterdir()
    assert partial.name.startswith(".model.partial-") and (partial / "model.safetensors").is_file()


@pytest.fixture(scope="module")
def model(tiny_model_path):
    config = MultilingualCalibrationConfig("gptq", languages=["en"], num_rows=2, sequence_length=32, evaluation=None)
    return AutoModelForCausalLM.from_pretrained(tiny_model_path, quantization_config=config)


def test_arguments_are_those_of_transformers_by_place_or_by_name(model, tmp_path):
    model.save_pretrained(tmp_path / "by_place", True, None)
    model.save_pretrained(save_directory=tmp_path / "by_name", max_shard_size="500KB")
    assert (tmp_path / "by_place" / "model.safetensors").is_file()
    assert (tmp_path / "by_name" / "model.safetensors.index.json").is_file()


def test_shards_of_an_older_save_do_not_stay_behind(model, tmp_path):
    (tmp_path / "tokenizer.json").write_text("kept")
    model.save_pretrained(tmp_path, max_shard_size="500KB")
    assert list(tmp_path.glob("model-0*.safetensors"))
    model.save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "calibration_manifest.json",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
    ]


def test_other_processes_leave_the_files_to_the_main_one(model, tmp_path):
    model.save_pretrained(tmp_path / "model", is_main_process=False)
    assert not (tmp_path / "model" / "calibration_manifest.json").exists()


def test_the_provenance_names_the_versions_of_the_engine(model):
    versions = model.config.multilingual_calibration["versions"]
    assert {"gptqmodel", "optimum", "transformers", "torch"} <= versions.keys()
