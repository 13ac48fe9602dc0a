"""The verbs that study one model: sweep, size, minimax and activations."""

import json
import sys
from argparse import ArgumentParser
from types import SimpleNamespace

import numpy as np
import pytest

from optimum_multilingual import MultilingualCalibrationConfig
from optimum_multilingual.errors import MissingPackageError

PLAN = {
    "settings": {"en": {"languages": ["en"], "sequence_length": 32}, "sw": {"languages": ["sw"]}},
    "quantizers": {"gptq": {"method": "gptq"}},
    "bits": [3],
    "languages": ["en", "sw"],
}


def test_the_command_prints_and_saves(tiny_model_path, tmp_path, cli):
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(PLAN))
    arguments = ["--evaluation-tokens", "200", "--bootstrap-draws", "100", "--settings", "en", "--num-rows", "2"]
    code, out, err = cli("sweep", tiny_model_path, "--plan", plan, *arguments, "--output", tmp_path / "sweep")
    assert code == 0, err
    assert "## gptq, 3 bits" in out and "en has a mean KL of" in out and "saved in" in out
    assert (tmp_path / "sweep" / "sweep.parquet").is_file()
    code, _, err = cli("sweep", tiny_model_path, "--preset", "beyond", "--output", tmp_path / "none")
    assert code == 1 and "There is no sweep called 'beyond'" in err


def test_what_draws_the_pictures_is_missed_before_the_run(tiny_model_path, tmp_path, monkeypatch):
    from optimum_multilingual.commands.sweep import SweepCommand

    parser = ArgumentParser()
    SweepCommand.parse_args(parser)
    given = [str(tiny_model_path), "--preset", "beyond-english", "--output", str(tmp_path / "sweep")]
    args = parser.parse_args(given)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match="Plots need matplotlib"):
        SweepCommand._run(SimpleNamespace(args=args))
    assert not (tmp_path / "sweep").exists()


def test_a_whole_search_on_the_small_model(tiny_model_path, tmp_path, cli):
    arguments = ["--languages", "en", "sw", "--bits", "3", "--num-rows", "6", "--sequence-length", "32", "--steps", "2"]
    quick = ["--evaluation-tokens", "600", "--bootstrap-draws", "100", "--output", tmp_path / "minimax"]
    code, out, err = cli("minimax", tiny_model_path, *arguments, *quick)
    assert code == 0, err
    saved = json.loads((tmp_path / "minimax" / "minimax.json").read_text())
    assert {path.name for path in (tmp_path / "minimax").glob("*.png")} == {"steps.png", "shares.png"}
    assert saved["steps"][0]["rows"] == [3, 3]
    # Two steps, and up to two back where the mean has risen.
    first, second, *back = saved["steps"]
    assert len(back) in (0, 1, 2)
    worst = int(np.argmax(first["damages"]))
    assert second["shares"][worst] > 0.5, "shares follow the damage that was measured"
    assert set(saved["shares"]) == {"eng_Latn", "swh_Latn"} and saved["conclusion"] in out
    assert all(0 < value < 1 for value in (*saved["uniform"].values(), *saved["minimax"].values()))
    MultilingualCalibrationConfig("gptq", languages=["en", "sw"], mixture=saved["shares"])


def test_sizes_are_compared_and_saved(random_model_path, tmp_path, cli):
    sizes = ["--sizes", "32", "64", "128", "256", "--sequence-length", "32", "--languages", "en", "sw", "--bits", "3"]
    quick = ["--evaluation-tokens", "200", "--bootstrap-draws", "100", "--output", tmp_path / "size"]
    code, out, err = cli("size", random_model_path, *sizes, *quick)
    assert code == 0, err
    saved = json.loads((tmp_path / "size" / "size.json").read_text())
    assert saved["tokens_per_language"] == [32, 64, 128, 256] and saved["conclusion"] in out and "flat from" in out
    assert (tmp_path / "size" / "surface.png").is_file() and len(list((tmp_path / "size" / "cells").iterdir())) == 4
    code, _, err = cli("size", random_model_path, *sizes, "--num-rows", "8")
    assert code == 1 and "sizes and num_rows both say" in err


def test_activations_are_measured_printed_and_saved(random_llama, tokenizer, tmp_path, cli):
    random_llama(vocab_size=len(tokenizer)).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    languages = ["--languages", "en", "--evaluation-languages", "en", "sw"]
    sizes = ["--num-rows", "4", "--sequence-length", "32", "--evaluation-tokens", "200"]
    code, out, err = cli("activations", tmp_path / "model", *languages, *sizes, "--output", tmp_path / "activations")
    assert code == 0, err
    assert "| Swahili (swh_Latn) | no " in out and "The most alike are English and Swahili" in out and "saved in" in out
    names = {path.name for path in (tmp_path / "activations").iterdir()}
    assert {"activations.parquet", "activations.json", "activations.md", "patterns.safetensors"} <= names
    code, _, err = cli("activations", tmp_path / "model", *languages, "--output", tmp_path / "activations")
    assert code == 1 and "is not empty" in err


def test_a_search_inside_quantize_leaves_a_manifest_that_builds_its_rows_again(tiny_model_path, tmp_path, cli):
    arguments = ["--languages", "en", "sw", "--bits", "3", "--num-rows", "6", "--sequence-length", "32"]
    search = ["--mixture", "minimax", "--search-steps", "2", "--evaluation-tokens", "500", "--bootstrap-draws", "100"]
    code, out, err = cli("quantize", tiny_model_path, *arguments, *search, "--output", tmp_path / "out")
    assert code == 0, err
    assert "shares: minimax" in out
    manifest = tmp_path / "out" / "calibration_manifest.json"
    assert json.loads(manifest.read_text())["mixture"]["steps"] in (2, 4)
    code, out, err = cli("calibrate", tiny_model_path, "--verify", manifest)
    assert code == 0 and "identical: 6 rows" in out, err
