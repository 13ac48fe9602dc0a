"""Built sets are kept, found again, and built anew when damaged."""

import copy
import os
import subprocess
import sys

import pytest
from datasets import Dataset

from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.calibration.cache import cache_folder

BUILD = """
import sys
from transformers import AutoTokenizer
from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
config = MultilingualCalibrationConfig(languages=["en", "sw"], num_rows=40, sequence_length=64)
print(build_calibration_set(config, AutoTokenizer.from_pretrained(sys.argv[1])).fingerprint)
"""


pytestmark = pytest.mark.usefixtures("own_cache")


def config(**settings):
    return MultilingualCalibrationConfig(languages=["en", "sw"], num_rows=4, sequence_length=32, **settings)


def entries():
    return sorted(cache_folder().iterdir()) if cache_folder().exists() else []


def test_a_set_is_kept_and_taken_from_the_cache(tokenizer):
    first = build_calibration_set(config(), tokenizer)
    [entry] = entries()
    stamp = entry.stat().st_mtime_ns
    second = build_calibration_set(config(), tokenizer)
    assert second == first
    assert [path.stat().st_mtime_ns for path in entries()] == [stamp]


@pytest.mark.parametrize(
    "settings", [{"seed": 1}, {"mixture": {"en": 3, "sw": 1}}, {"document_separator": "eos"}, {"deduplicate": False}]
)
def test_other_settings_are_another_entry(tokenizer, settings):
    build_calibration_set(config(), tokenizer)
    build_calibration_set(config(**settings), tokenizer)
    assert len(entries()) == 2


def test_a_changed_file_is_another_entry(tokenizer, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in ("en", "sw"):
        (folder / f"{name}.txt").write_text("\n".join(f"Line {n} of {name} says this." for n in range(200)))
    before = build_calibration_set(config(corpus=folder), tokenizer)
    (folder / "en.txt").write_text("\n".join(f"Another line {n} it is now." for n in range(200)))
    after = build_calibration_set(config(corpus=folder), tokenizer)
    assert after.fingerprint != before.fingerprint
    assert len(entries()) == 2


@pytest.mark.parametrize("name", ["calibration_set.parquet", "calibration_manifest.json"])
@pytest.mark.parametrize("damage", ["cut", "removed"])
def test_a_damaged_entry_is_built_again(tokenizer, name, damage):
    first = build_calibration_set(config(), tokenizer)
    file = entries()[0] / name
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:50])
    else:
        file.unlink()
    assert build_calibration_set(config(), tokenizer) == first
    assert build_calibration_set(config(), tokenizer) == first


def test_nothing_is_kept_of_a_corpus_that_cannot_say_whether_it_changed(tokenizer):
    build_calibration_set(
        config(corpus={name: [f"{name} {n}" for n in range(200)] for name in ("en", "sw")}), tokenizer
    )
    assert entries() == []


def test_nothing_is_kept_unless_asked(tokenizer):
    build_calibration_set(config(cache=False), tokenizer)
    assert entries() == []


def test_a_cache_that_cannot_be_written_does_no_harm(tokenizer, tmp_path, monkeypatch):
    (tmp_path / "a file").write_text("in the way")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "a file"))
    assert len(build_calibration_set(config(), tokenizer)) == 4


def test_two_processes_may_build_the_same_set_at_once(tiny_model_path):
    command = [sys.executable, "-c", BUILD, str(tiny_model_path)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) for _ in range(2)]
    fingerprints = {run.communicate()[0] for run in runs}
    assert len(fingerprints) == 1 and all(run.returncode == 0 for run in runs)
    [entry] = entries()
    assert sorted(path.name for path in entry.iterdir()) == ["calibration_manifest.json", "calibration_set.parquet"]


def test_another_chat_template_is_another_entry_and_other_rows(tokenizer):
    chats = [[{"role": "user", "content": f"habari {number}"}] for number in range(200)]
    dataset = Dataset.from_dict({"text": chats, "language": ["sw"] * len(chats)})
    settings = {"languages": ["sw"], "corpus": dataset, "messages": True, "num_rows": 2, "sequence_length": 32}
    tokenizer, sets = copy.deepcopy(tokenizer), []
    for template in (
        "{% for m in messages %}A {{ m.content }}{% endfor %}",
        "{% for m in messages %}B {{ m.content }}{% endfor %}",
    ):
        tokenizer.chat_template = template
        sets.append(build_calibration_set(MultilingualCalibrationConfig(**settings), tokenizer))
    assert len(entries()) == 2 and sets[0].fingerprint != sets[1].fingerprint
    assert sets[0].manifest.tokenizer["sha256"] != sets[1].manifest.tokenizer["sha256"]


def test_another_token_that_ends_texts_is_another_entry(tokenizer):
    tokenizer = copy.deepcopy(tokenizer)
    for token in (tokenizer.eos_token, tokenizer.convert_ids_to_tokens(300)):
        tokenizer.eos_token = token
        build_calibration_set(config(document_separator="eos"), tokenizer)
    assert len(entries()) == 2
