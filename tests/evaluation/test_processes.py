"""Several processes, really launched, measure what one does."""

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from dataclasses import replace
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from optimum_multilingual import EvaluationConfig, MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.evaluation.evaluator import prepare_evaluation, run_quantized, run_reference
from optimum_multilingual.evaluation.processes import Processes
from optimum_multilingual.report.measures import make_report
from optimum_multilingual.report.preflight import check_coverage

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
if processes.rank == 1 and what == "fails":
    evaluation.windows.clear()
    evaluation.windows["not a language"] = None
if processes.rank == 1 and what == "other text":
    settings = EvaluationConfig(tokens_per_language=600, batch_tokens=500, bootstrap_draws=100, seed=1)
    config = MultilingualCalibrationConfig(languages=["en", "sw", "zh"], evaluation=settings)
    evaluation = prepare_evaluation(config, config.resolved_languages, AutoTokenizer.from_pretrained(path), 128)
if what == "other text":
    run_reference(model, evaluation)
if processes.rank == 1 and what == "dies":
    import os
    os._exit(9)
generator = torch.Generator().manual_seed(processes.rank)
with torch.no_grad():
    for weight in model.model.layers.parameters():
        weight += 0.02 * torch.randn(weight.shape, generator=generator)
processes.share_weights(model)
report = make_report(run_quantized(model, evaluation, reference), evaluation, {}, None)
report = replace(report, coverage=coverage)
report.save(f"{out}/{processes.rank}.json")
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
    return json.loads((folder / "0.json").read_text())


@pytest.mark.parametrize("count", [2, 3])
def test_every_process_reports_what_one_alone_does(alone, tiny_model_path, tmp_path, count):
    done = launch(tmp_path, tiny_model_path, count)
    assert done.returncode == 0, done.stderr[-3000:]

    reports = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(count)]
    for report in reports:
        assert [score["tokens"] for score in report["languages"]] == [score["tokens"] for score in alone["languages"]]
        assert numbers(report["languages"]) == pytest.approx(numbers(alone["languages"]), rel=1e-6, abs=1e-9)
        assert report["coverage"] == alone["coverage"] and len(report["coverage"]) == 3
    assert all(report == reports[0] for report in reports)


def test_a_process_that_fails_stops_the_others_with_its_reason(tiny_model_path, tmp_path):
    done = launch(tmp_path, tiny_model_path, 2, "fails")
    assert done.returncode != 0
    assert "ProcessError: The evaluation stopped because of process 1" in done.stderr
    assert not list(tmp_path.glob("*.json"))


def test_processes_that_drew_other_text_are_stopped(tiny_model_path, tmp_path):
    done = launch(tmp_path, tiny_model_path, 2, "other text")
    assert done.returncode != 0
    assert "ProcessError: The processes drew different evaluation text" in done.stderr


def test_a_process_that_dies_stops_the_others(tiny_model_path, tmp_path):
    done = launch(tmp_path, tiny_model_path, 2, "dies")
    assert done.returncode != 0
    assert not list(tmp_path.glob("*.json"))
