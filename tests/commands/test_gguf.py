"""Any GGUF file that Transformers loads can be measured, by its path or by its name in a folder."""

import json

import pytest
from transformers import AutoModelForCausalLM

from optimum_multilingual import EvaluationConfig, evaluate_checkpoints
from optimum_multilingual.errors import MissingPackageError

pytest.importorskip("gguf")
from gguf_files import write_llama

SHORT = EvaluationConfig(tokens_per_language=300, bootstrap_draws=100)


@pytest.fixture(scope="module")
def folder(tiny_model_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gguf")
    model = AutoModelForCausalLM.from_pretrained(tiny_model_path)
    for kind in ("F16", "Q8_0", "Q4_0"):
        write_llama(model, folder / f"tiny.{kind}.gguf", kind)
    return folder


def test_fewer_bits_lose_more_and_the_report_names_the_file(tiny_model_path, folder):
    losses = []
    for kind in ("F16", "Q8_0", "Q4_0"):
        path = folder / f"tiny.{kind}.gguf"
        report = evaluate_checkpoints(tiny_model_path, path, ["en", "sw"], evaluation=SHORT)
        assert (report.setting["method"], report.setting["compared"]) == ("gguf", path.name)
        losses.append([score.kl.mean.value for score in report.scores])
    assert all(exact < eight < four for exact, eight, four in zip(*losses, strict=True))
    assert max(losses[0]) < 1e-4, "16 bits hold these weights"


def test_a_file_in_a_folder_is_named_from_a_shell(cli, tiny_model_path, folder, tmp_path):
    options = ["--languages", "en", "--evaluation-tokens", "300", "--bootstrap-draws", "100"]
    place = [folder, "--gguf-file", "tiny.Q4_0.gguf", "--output", tmp_path / "report.json"]
    code, out, err = cli("evaluate", tiny_model_path, *place, *options)
    assert code == 0 and "compared tiny.Q4_0.gguf" in out, err
    setting = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["setting"]
    assert (setting["method"], setting["compared"]) == ("gguf", "tiny.Q4_0.gguf")


def test_without_the_package_the_pip_line_is_given(tiny_model_path, folder, monkeypatch):
    monkeypatch.setattr("optimum_multilingual.comparison.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r'pip install "optimum-multilingual\[gguf\]"'):
        evaluate_checkpoints(tiny_model_path, folder / "tiny.Q4_0.gguf", ["en"], evaluation=SHORT)
