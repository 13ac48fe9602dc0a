"""Saving is all or nothing."""

import signal
import subprocess
import sys

import pytest

from optimum_multilingual.checkpoint import written_aside
from optimum_multilingual.errors import CheckpointError

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
    assert "CheckpointError" in done.stderr and "nothing was left half-written" in done.stderr, done.stderr[-2000:]
    assert list(tmp_path.iterdir()) == []


def test_a_kill_leaves_nothing_that_loads(tiny_model_path, tmp_path):
    done = save_in_another_process(tiny_model_path, tmp_path / "model", "killed")
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "model").exists()
    [partial] = tmp_path.iterdir()
    assert partial.name.startswith(".model.partial-") and (partial / "model.safetensors").is_file()


def test_a_new_folder_appears_whole(tmp_path):
    with written_aside(tmp_path / "model") as folder:
        (folder / "config.json").write_text("{}")
        assert not (tmp_path / "model").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "config.json").read_text() == "{}"


def test_an_error_leaves_an_older_checkpoint_untouched(tmp_path):
    (tmp_path / "config.json").write_text("old")
    with pytest.raises(CheckpointError, match="full"), written_aside(tmp_path) as folder:
        (folder / "config.json").write_text("new")
        raise OSError("full")
    assert (tmp_path / "config.json").read_text() == "old"


def test_files_of_a_folder_in_use_are_replaced_and_others_kept(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "tokenizer.json").write_text("kept")
    (target / "config.json").write_text("old")
    with written_aside(target) as folder:
        (folder / "config.json").write_text("new")
    assert {path.name: path.read_text() for path in target.iterdir()} == {
        "tokenizer.json": "kept",
        "config.json": "new",
    }


def test_other_errors_come_through_as_they_are_and_leave_nothing(tmp_path):
    with pytest.raises(KeyError), written_aside(tmp_path / "model"):
        raise KeyError("a bug")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "model").write_text("a file")
    with pytest.raises(CheckpointError, match="is a file"), written_aside(tmp_path / "model"):
        pass


def test_permissions_are_those_of_a_folder_made_by_hand(tmp_path):
    (tmp_path / "by_hand").mkdir()
    with written_aside(tmp_path / "model"):
        pass
    modes = {(tmp_path / name).stat().st_mode for name in ("by_hand", "model")}
    assert len(modes) == 1
