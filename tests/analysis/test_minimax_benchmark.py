"""The benchmark of the search for shares goes on only from what is whole and what it asked for."""

import importlib.util
import shutil
from argparse import Namespace
from pathlib import Path

import pytest

from optimum_multilingual.corpora import open_corpus
from optimum_multilingual.languages import find_language


@pytest.fixture
def benchmark():
    path = Path(__file__).parents[2] / "benchmarks" / "minimax.py"
    spec = importlib.util.spec_from_file_location("minimax_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.LANGUAGES = ["en", "sw"]
    return module


@pytest.fixture(scope="module")
def texts():
    corpus = open_corpus("embedded")
    return {tag: [document.text for document in corpus.documents(find_language(tag))] for tag in ("en", "sw")}


def test_a_search_of_other_settings_is_not_taken_for_this_one(benchmark, texts, tiny_model_path, tmp_path, monkeypatch):
    args = Namespace(model=tiny_model_path, corpora=tmp_path, seeds=[0], rows=6, length=32, steps=2, tuning_tokens=400)
    calibration, tuning = ({tag: of_it[half::2] for tag, of_it in texts.items()} for half in (0, 1))

    def search(bits=3, **changes):
        asked = Namespace(**{**vars(args), **changes})
        return benchmark.searched(tiny_model_path, bits, asked, calibration, tuning, tmp_path / "search")

    found = search()
    monkeypatch.setattr(benchmark, "find_minimax_mixture", lambda *args, **settings: pytest.fail("searched again"))
    assert search() == found and sum(found["minimax"].values()) == pytest.approx(1)
    for changes, words in (
        ({"steps": 3}, "steps 2, not 3"),
        ({"rows": 8}, "rows 6, not 8"),
        ({"bits": 4}, "bits 3, not 4"),
    ):
        with pytest.raises(SystemExit, match=f"holds a search with {words}.*another --output"):
            search(**changes)
    (tmp_path / "search" / "arguments.json").unlink()
    with pytest.raises(SystemExit, match="steps unknown, not 2"):
        search()


def test_a_copy_that_ended_halfway_is_not_taken_for_a_model(benchmark, tiny_model_path, tmp_path):
    source, copy = tmp_path / "model", tmp_path / "out" / "float32" / "model"
    shutil.copytree(tiny_model_path, source, ignore=shutil.ignore_patterns("token*"))
    with pytest.raises((OSError, ValueError)):
        benchmark.in_float32(source, copy)
    assert not copy.exists(), "its weights were written before the tokenizer was missed"
    assert benchmark.in_float32(tiny_model_path, copy) == copy and (copy / "tokenizer.json").is_file()
    written = (copy / "model.safetensors").stat().st_mtime_ns
    assert benchmark.in_float32(tiny_model_path, copy) == copy
    assert (copy / "model.safetensors").stat().st_mtime_ns == written, "a whole copy is kept"
    with pytest.raises(SystemExit, match=r"is a copy of .*tiny-multilingual-lm, not of .*another --output"):
        benchmark.in_float32(source, copy)
