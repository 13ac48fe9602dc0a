"""A manifest is enough to build the very same set again, or to say where the two differ."""

import json

import pytest

from optimum_multilingual import CalibrationSet, MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.calibration.calibration_set import Manifest
from optimum_multilingual.calibration.rebuild import rebuild
from optimum_multilingual.corpora import open_corpus
from optimum_multilingual.errors import CalibrationSetError, CorpusError


def texts(folder, changed=False):
    folder.mkdir(exist_ok=True)
    for name in ("zh", "en", "sw"):
        lines = [f"Line {n} of {name} {'now ' * changed}tells of {n * 7} things." for n in range(300)]
        (folder / f"{name}.txt").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mixture": {"zh": 3, "en": 1, "sw": 2}},
        {"mixture": "proportional", "temperature": 2.0, "seed": 5},
        {"document_separator": "eos", "deduplicate": False},
    ],
)
def test_a_saved_manifest_rebuilds_the_same_rows(tokenizer, tmp_path, settings):
    folder = texts(tmp_path / "texts")
    config = MultilingualCalibrationConfig(
        languages=["zh", "en", "sw"], corpus=folder, num_rows=11, sequence_length=48, cache=False, **settings
    )
    build_calibration_set(config, tokenizer).save(tmp_path / "set")
    stored = CalibrationSet.load(tmp_path / "set")
    comparison = rebuild(stored.manifest, open_corpus(folder), tokenizer)
    assert comparison.identical
    assert comparison.rebuilt == stored


def test_changed_text_is_found_and_the_rows_are_named(tokenizer, tmp_path):
    folder = texts(tmp_path / "texts")
    config = MultilingualCalibrationConfig(languages=["en"], corpus=folder, num_rows=4, sequence_length=48, cache=False)
    manifest = build_calibration_set(config, tokenizer).manifest
    comparison = rebuild(manifest, open_corpus(texts(folder, changed=True)), tokenizer)
    assert comparison.different_rows == (0, 1, 2, 3)


def test_another_tokenizer_is_refused(tokenizer, word_tokenizer):
    config = MultilingualCalibrationConfig(languages=["en"], num_rows=2, sequence_length=32)
    manifest = build_calibration_set(config, tokenizer).manifest
    with pytest.raises(CalibrationSetError, match="built with another tokenizer"):
        rebuild(manifest, open_corpus("embedded"), word_tokenizer("a b"))


def test_a_corpus_without_the_language_is_refused(tokenizer, tmp_path):
    config = MultilingualCalibrationConfig(languages=["am"], num_rows=2, sequence_length=32)
    manifest = build_calibration_set(config, tokenizer).manifest
    with pytest.raises(CorpusError, match="Amharic"):
        rebuild(manifest, open_corpus(texts(tmp_path / "texts")), tokenizer)


def test_a_manifest_survives_json(tokenizer):
    config = MultilingualCalibrationConfig(languages=["zh", "en"], num_rows=2, sequence_length=32)
    manifest = build_calibration_set(config, tokenizer).manifest
    again = Manifest.from_dict(json.loads(json.dumps(manifest.to_dict())))
    assert again == manifest and list(again.languages) == ["cmn_Hans", "eng_Latn"]
