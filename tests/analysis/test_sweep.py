"""A whole sweep on the small model: cells, files, going on after a crash, changed settings, several processes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest
import torch

from optimum_multilingual import EvaluationConfig, MultilingualReport, SweepPlan, sweep_settings
from optimum_multilingual.analysis import cell_run as running
from optimum_multilingual.analysis.cell_store import describe_device
from optimum_multilingual.analysis.workbench import Workbench
from optimum_multilingual.errors import CheckpointError, ConfigError, ModelError

SETTINGS = {
    "en": {"languages": ["en"], "num_rows": 3, "sequence_length": 32},
    "both": {"languages": ["en", "sw"], "num_rows": 4, "sequence_length": 32},
}
PLAN = {"settings": SETTINGS, "quantizers": {"gptq": {"method": "gptq"}}, "bits": [3], "languages": ["en", "sw"]}
EVALUATION = EvaluationConfig(tokens_per_language=200, bootstrap_draws=100)


def run(model, output, **changes):
    return sweep_settings(model, SweepPlan(**{**PLAN, **changes}), output, evaluation=EVALUATION)


@pytest.fixture(scope="module")
def swept(tiny_model_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    result = run(tiny_model_path, folder)
    result.save(folder)
    return folder, result


@pytest.fixture
def no_model(monkeypatch):
    """Fails where weights are loaded."""
    monkeypatch.setattr(running, "load_checkpoint", lambda *args: pytest.fail("weights were loaded"))


def test_every_cell_has_a_report_of_every_language(swept):
    folder, result = swept
    assert [cell.name for cell in result.cells] == ["en.gptq.3bit.seed0", "both.gptq.3bit.seed0"]
    assert len(list((folder / "cells").iterdir())) == result.computed == 2
    for measured in result.cells.values():
        assert [score.language for score in measured.report.scores] == ["eng_Latn", "swh_Latn"]
        for score in measured.report.scores:
            sums = measured.documents[score.language].sum(axis=0)
            assert sums[3] / sums[0] == pytest.approx(score.kl.mean.value)


def test_a_cell_is_what_the_one_line_measures(swept, tiny_model_path):
    from one_line import quantize

    report = quantize(
        tiny_model_path, bits=3, **{**SETTINGS["both"], "evaluation": EvaluationConfig(**EVALUATION.to_dict())}
    ).multilingual_report
    cell = list(swept[1].cells.values())[1].report
    assert cell.calibration["fingerprint"] == report.calibration["fingerprint"]
    assert [score.kl.mean.value for score in cell.scores] == pytest.approx(
        [score.kl.mean.value for score in report.scores], rel=1e-6
    )


def test_files_hold_all_cells(swept):
    folder, result = swept
    table = pyarrow.parquet.read_table(folder / "sweep.parquet")
    assert table.num_rows == 4 and table.column_names[:5] == [
        *("cell_setting", "cell_quantizer", "cell_bits", "cell_seed", "language"),
    ]
    assert table["cell_setting"].to_pylist() == ["en", "en", "both", "both"]
    text = (folder / "sweep.md").read_text()
    assert "| language" in text and "reference" in text and result.conclusion in text
    saved = json.loads((folder / "sweep.json").read_text())
    assert {each["setting"] for each in saved["rankings"]["gptq.3bit"]} == {"en", "both"}
    assert {path.name for path in folder.glob("*.png")} == {"heat-map.gptq.3bit.png", "ranking.gptq.3bit.png"}


def test_the_same_sweep_again_computes_nothing(swept, tiny_model_path, no_model):
    folder, result = swept
    again = run(tiny_model_path, folder)
    assert again.computed == 0
    assert again.groups()[0].losses("kl").ranking() == result.groups()[0].losses("kl").ranking()


def test_a_crash_loses_one_cell(swept, tiny_model_path, tmp_path, monkeypatch):
    measure, calls = Workbench.measure, []

    def crash_in_the_second(self, *args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return measure(self, *args)

    monkeypatch.setattr(Workbench, "measure", crash_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        run(tiny_model_path, tmp_path / "sweep")
    assert [path.name[:3] for path in (tmp_path / "sweep" / "cells").iterdir()] == ["en."]
    assert run(tiny_model_path, tmp_path / "sweep").computed == 1


def test_a_changed_setting_is_another_cell(swept, tiny_model_path, tmp_path):
    folder = tmp_path / "sweep"
    shutil.copytree(swept[0], folder)
    changed = {**SETTINGS, "en": {**SETTINGS["en"], "num_rows": 4}}
    result = run(tiny_model_path, folder, settings=changed)
    assert result.computed == 1
    assert len(list((folder / "cells").glob("en.gptq.3bit.seed0-*"))) == 2
    assert len(next(iter(result.cells.values())).report.calibration["rows"]) == 1


def test_a_damaged_cell_and_a_strange_folder_are_refused(swept, tiny_model_path, tmp_path, no_model):
    folder = tmp_path / "sweep"
    shutil.copytree(swept[0], folder)
    path = next((folder / "cells").iterdir())
    path.write_text(path.read_text()[:100])
    with pytest.raises(CheckpointError, match=r"no whole cell.*remove it"):
        run(tiny_model_path, folder)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("mine")
    with pytest.raises(CheckpointError, match="no study"):
        run(tiny_model_path, tmp_path / "other")


def test_what_cannot_work_is_found_before_weights_load(tiny_model_path, tmp_path, no_model):
    for changes, words in (
        ({"bits": [5]}, "cannot do bits=5"),
        ({"quantizers": {"x": {"method": "gptk"}}}, "Did you mean 'gptq'"),
        (
            {"quantizers": {"g": {"method": "gptq"}, "n": {"method": "nf4"}}, "bits": [4]},
            "'nf4' .* reads no calibration text",
        ),
        ({"settings": {"n": {"nonsense": "random-tokens"}}}, "no text to take its size from"),
    ):
        with pytest.raises(ConfigError, match=words):
            run(tiny_model_path, tmp_path / "sweep", **changes)
    with pytest.raises(ConfigError, match="measures text only"):
        sweep_settings(tiny_model_path, SweepPlan(**PLAN), tmp_path, evaluation=EvaluationConfig(tasks=["belebele"]))


# An engine that sums the statistics of all processes it sees, though each has another cell.
SHARED = {"quantizers": {"gptq": {"method": "gptq", "engine": "llmcompressor"}}, "bits": [4]}
SCRIPT = """
import sys
from test_sweep import SHARED, run
result = run(sys.argv[1], sys.argv[2], **SHARED)
# One write, so that lines of two processes do not mix.
sys.stdout.write(f"computed {result.computed} reference {result.seconds['reference'] > 0}\\n")
"""


def test_processes_take_their_share_of_the_cells(tiny_model_path, tmp_path):
    run(tiny_model_path, tmp_path / "alone", **SHARED)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    here = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "PYTHONPATH": here}
    done = subprocess.run(
        [*command, str(tiny_model_path), str(tmp_path / "sweep")],
        capture_output=True, text=True, env=environment, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("computed 2 reference True") == 2
    for path in (tmp_path / "sweep" / "cells").iterdir():
        alone = MultilingualReport.from_dict(
            json.loads((tmp_path / "alone" / "cells" / path.name).read_text())["report"]
        )
        shared = MultilingualReport.from_dict(json.loads(path.read_text())["report"])
        assert [score.kl.mean.value for score in shared.scores] == pytest.approx(
            [score.kl.mean.value for score in alone.scores], rel=1e-5
        )


def test_a_model_that_also_reads_images_is_refused():
    from transformers import AutoModelForCausalLM, Gemma3Config

    small = {"hidden_size": 32, "num_hidden_layers": 1, "intermediate_size": 32, "num_attention_heads": 2}
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(
            Gemma3Config(text_config={**small, "vocab_size": 128}, vision_config=small)
        )
    with pytest.raises(ModelError, match="more than a language model"):
        Workbench(model)


def test_a_device_is_described_by_its_type():
    assert describe_device("cpu") == describe_device(torch.device("cpu")) == describe_device({"": "cpu"}) == "cpu"
    assert describe_device("cuda:1") == describe_device({"": torch.device("cuda", 0)}) == "cuda"
    assert describe_device("auto") == (torch.accelerator.current_accelerator() or torch.device("cpu")).type


def test_a_cell_of_another_device_is_another_cell(swept, tiny_model_path, monkeypatch):
    again = sweep_settings(tiny_model_path, SweepPlan(**PLAN), swept[0], evaluation=EVALUATION, device_map="cpu")
    assert again.computed == 0, "the CPU by name is the one that None finds"
    monkeypatch.setattr(running, "describe_device", lambda device_map: "cuda")
    monkeypatch.setattr(running, "load_checkpoint", lambda *args: (_ for _ in ()).throw(ModelError("computed anew")))
    with pytest.raises(ModelError, match="computed anew"):
        run(tiny_model_path, swept[0])
