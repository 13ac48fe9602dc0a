"""Several processes, really launched, measure what one does."""

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.errors import ConfigError, ProcessError
from optimum_multilingual.evaluation.evaluator import prepare_evaluation, run_quantized, run_reference
from optimum_multilingual.evaluation.processes import Processes
from optimum_multilingual.recovery.recover import recover_checkpoint
from optimum_multilingual.report.measures import make_report
from optimum_multilingual.report.preflight import check_coverage


def faults(processes):
    refused("recovery", recover_checkpoint, path, path, Path(out, "adapter"), config)
    other = replace(config, evaluation=replace(settings, seed=1))
    text = prepare_evaluation(other, other.resolved_languages, AutoTokenizer.from_pretrained(path), 128)
    refused("other text", run_reference, model, text if processes.rank == 1 else evaluation)
    refused("fails", run_quantized, model, None if processes.rank == 1 else evaluation, reference)
    if processes.rank == 1:
        os._exit(9)
    # torchrun ends the others as soon as it sees one dead, often before they can say what they found.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def refused(fault, call, *arguments):
    try:
        call(*arguments)
    except (ConfigError, ProcessError, AttributeError) as error:
        Path(out, f"{fault}.{Processes.current().rank}").write_text(str(error))


torch.set_num_threads(1)
path, out, what = sys.argv[1:4]
model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
settings = EvaluationConfig(tokens_per_language=600, batch_tokens=500, bootstrap_draws=100)
config = MultilingualCalibrationConfig(languages=["en", "sw", "zh"], evaluation=settings)
evaluation = prepare_evaluation(config, config.resolved_languages, AutoTokenizer.from_pretrained(path), 128)
reference = run_reference(model, evaluation, watch_ranges=True)
in_english = MultilingualCalibrationConfig(languages=["en"], num_rows=5, sequence_length=100)
rows = build_calibration_set(in_english, AutoTokenizer.from_pretrained(path))
coverage = check_coverage(model, rows, evaluation, reference)
processes = Processes.current()
if what == "faults":
    faults(processes)
generator = torch.Generator().manual_seed(processes.rank)
with torch.no_grad():
    for weight in model.model.layers.parameters():
        weight += 0.02 * torch.randn(weight.shape, generator=generator)
processes.share_weights(model)
report = make_report(run_quantized(model, evaluation, reference), evaluation, {}, None)
report = replace(report, coverage=coverage)
report.save(f"{out}/{processes.rank}.json")
small = EvaluationConfig(tokens_per_language=300, bootstrap_draws=100)
sizes = {"num_rows": 8, "sequence_length": 32, "search_steps": 2}
minimax = MultilingualCalibrationConfig(
    "gptq", bits=3, languages=["en", "sw"], mixture="minimax", evaluation=small, **sizes
)
searched = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, quantization_config=minimax)
searched.multilingual_report.save(f"{out}/minimax.{processes.rank}.json")
"""


def launch(tmp_path, model, count, what="measures"):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true"}
    return subprocess.run(
        [*command, str(script), str(model), str(tmp_path), what],
        capture_output=True, text=True, env=environment, timeout=120,
    )  # fmt: skip


def numbers(value):
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, int | float) else []


@pytest.fixture(scope="module")
def alone(tmp_path_factory, tiny_model_path):
    folder = tmp_path_factory.mktemp("alone")
    done = launch(folder, tiny_model_path, 1)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def together(tmp_path_factory, tiny_model_path):
    folder = tmp_path_factory.mktemp("together")
    done = launch(folder, tiny_model_path, 2)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_every_process_reports_what_one_alone_does(alone, together):
    reports = [json.loads((together / f"{rank}.json").read_text()) for rank in range(2)]
    by_itself = json.loads((alone / "0.json").read_text())
    for report in reports:
        assert [score["tokens"] for score in report["languages"]] == [
            score["tokens"] for score in by_itself["languages"]
        ]
        assert numbers(report["languages"]) == pytest.approx(numbers(by_itself["languages"]), rel=1e-6, abs=1e-9)
        assert report["coverage"] == by_itself["coverage"] and len(report["coverage"]) == 3
    assert all(report == reports[0] for report in reports)


def test_every_process_finds_the_shares_that_one_alone_does(alone, together):
    reports = [json.loads((together / f"minimax.{rank}.json").read_text()) for rank in range(2)]
    by_itself = json.loads((alone / "minimax.0.json").read_text())
    for report in reports:
        assert report["calibration"]["mixture"] == by_itself["calibration"]["mixture"]
        assert report["calibration"]["fingerprint"] == by_itself["calibration"]["fingerprint"]
        assert numbers(report["languages"]) == pytest.approx(numbers(by_itself["languages"]), rel=1e-6, abs=1e-9)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, tiny_model_path):
    """Two processes that asked for a recovery, after three faults of the second: it drew other text, it failed, it died."""
    folder = tmp_path_factory.mktemp("faulty")
    return launch(folder, tiny_model_path, 2, "faults"), folder


def test_a_recovery_is_refused_in_several_processes(faulty):
    for rank in range(2):
        assert "trains in one process, and 2 were launched" in (faulty[1] / f"recovery.{rank}").read_text()


def test_processes_that_drew_other_text_are_stopped(faulty):
    for rank in range(2):
        assert "The processes drew different evaluation text" in (faulty[1] / f"other text.{rank}").read_text()


def test_a_process_that_fails_stops_the_others_with_its_reason(faulty):
    reason = (faulty[1] / "fails.0").read_text()
    assert "The evaluation stopped because of process 1" in reason and "AttributeError" in reason


def test_a_process_that_dies_stops_the_others(faulty):
    done, folder = faulty
    assert done.returncode != 0 and "exitcode  : 9" in done.stderr
    assert "ProcessError: Process 0 lost the others" in done.stderr and not list(folder.glob("*.json"))
