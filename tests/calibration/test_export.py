"""A set reaches other tools row for row."""

from dataclasses import replace

import pytest
from safetensors.numpy import load_file

from optimum_multilingual import CalibrationSet, MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.calibration import export
from optimum_multilingual.errors import CalibrationSetError


@pytest.fixture(scope="module")
def rows(tokenizer):
    config = MultilingualCalibrationConfig(languages=["en", "zh"], num_rows=6, sequence_length=48)
    return build_calibration_set(config, tokenizer)


def test_text_is_written_whole_and_for_each_language(rows, tokenizer, tmp_path):
    files = export.export_text(rows, tokenizer, tmp_path)
    assert [path.name for path in files] == [
        "calibration.txt",
        "calibration.eng_Latn.txt",
        "calibration.cmn_Hans.txt",
    ]
    whole = files[0].read_text(encoding="utf-8")
    for row in rows:
        text = tokenizer.decode(row.input_ids, skip_special_tokens=True)
        assert text in whole
        assert text in (tmp_path / f"calibration.{row.language.tag}.txt").read_text(encoding="utf-8")
    assert "<s>" not in whole


def test_text_that_may_not_be_published_again_is_not_written(rows, tokenizer, tmp_path):
    manifest = replace(rows.manifest, corpus={"name": "FLORES+", "republish": False})
    with pytest.raises(CalibrationSetError, match="FLORES\\+ may not be published again"):
        export.export_text(CalibrationSet(rows.rows, manifest), tokenizer, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_examples_are_what_gptqmodel_takes(rows):
    examples = export.export_examples(rows)
    assert [example["input_ids"] for example in examples] == rows.token_ids().tolist()
    assert all(example["attention_mask"] == [1] * 48 for example in examples)


def test_a_dataset_has_the_rows_and_their_languages(rows):
    dataset = export.export_dataset(rows)
    assert dataset["input_ids"][:] == rows.token_ids().tolist()
    assert dataset["language"][:] == [row.language.tag for row in rows]


def test_tensors_have_one_row_a_row(rows, tmp_path):
    file = export.export_tensors(rows, tmp_path)
    assert (load_file(file)["input_ids"] == rows.token_ids()).all()


def test_text_is_not_written_with_another_tokenizer(rows, word_tokenizer, tmp_path):
    with pytest.raises(CalibrationSetError, match="built with another tokenizer"):
        export.export_text(rows, word_tokenizer("one two", bos_token="<s>"), tmp_path / "text")
    assert not (tmp_path / "text").exists()


def test_tensors_are_written_with_what_they_are_or_not_at_all(rows, tmp_path):
    export.export_tensors(rows, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    # A manifest that JSON cannot say: the tensors are written when the second file fails.
    other = CalibrationSet(rows.rows[:2], replace(rows.manifest, fingerprint=object()))
    with pytest.raises(TypeError):
        export.export_tensors(other, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
