"""A calibration set comes back from the disk as it was, or not at all."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import replace

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from optimum_multilingual.calibration.calibration_set import (
    MANIFEST_FILE,
    ROWS_FILE,
    CalibrationSet,
    Manifest,
    Row,
    fingerprint_of,
    hash_of,
)
from optimum_multilingual.errors import CalibrationSetError
from optimum_multilingual.languages import find_language

ENGLISH, SWAHILI = find_language("en"), find_language("sw")


def row(language, *tokens: int) -> Row:
    return Row(language, np.array(tokens, dtype=np.int32))


@pytest.fixture
def calibration_set() -> CalibrationSet:
    rows = (row(ENGLISH, 0, 5, 6), row(SWAHILI, 0, 7, 8), row(ENGLISH, 0, 9, 2**31 - 1))
    manifest = Manifest(
        fingerprint=fingerprint_of(rows),
        languages={
            "swh_Latn": {"rows": 1, "tokens": 3, "weight": 1.0, "documents": 1},
            "eng_Latn": {"rows": 2, "tokens": 6, "weight": 2.5, "documents": 1},
        },
        sequence_length=3,
        seed=4,
        mixture={"kind": "weights", "temperature": 1.0},
        document_separator="newline",
        messages=False,
        prefix=[0],
        part="calibration",
        deduplicated=True,
        corpus={"kind": "mapping", "languages": ["swh_Latn", "eng_Latn"]},
        tokenizer={"class": "WordTokenizer", "vocab_size": 10, "sha256": "ab"},
        versions={"optimum_multilingual": "1.2.3"},
        row_hashes=[hash_of(of_set) for of_set in rows],
        documents={"swh_Latn": {"sw/1": "aa"}, "eng_Latn": {"en/é": "bb"}},
    )
    return CalibrationSet(rows, manifest)


@pytest.fixture
def saved(calibration_set, tmp_path):
    calibration_set.save(tmp_path)
    return tmp_path


def rewrite_rows(folder, tags: list, ids: list) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"language": tags, "input_ids": ids}), folder / ROWS_FILE)


def test_a_saved_set_is_loaded_equal(calibration_set, saved):
    loaded = CalibrationSet.load(saved)

    assert loaded == calibration_set
    assert [r.input_ids.dtype for r in loaded] == [np.int32] * 3
    assert np.array_equal(loaded.token_ids(), calibration_set.token_ids())


def test_saving_makes_the_folder_and_nothing_but_the_two_files(calibration_set, tmp_path):
    calibration_set.save(tmp_path / "new" / "folder")

    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [MANIFEST_FILE, ROWS_FILE]


def test_a_set_that_cannot_be_saved_leaves_the_older_one_as_it_was(calibration_set, saved):
    # The rows are written when the manifest fails, which JSON cannot say.
    other = CalibrationSet(calibration_set.rows[:1], replace(calibration_set.manifest, seed=object()))
    with pytest.raises(TypeError):
        other.save(saved)
    assert CalibrationSet.load(saved) == calibration_set
    assert sorted(path.name for path in saved.iterdir()) == [MANIFEST_FILE, ROWS_FILE]


def test_saving_twice_writes_the_same_manifest_bytes(calibration_set, tmp_path):
    calibration_set.save(tmp_path / "a")
    CalibrationSet.load(tmp_path / "a").save(tmp_path / "b")

    assert (tmp_path / "a" / MANIFEST_FILE).read_bytes() == (tmp_path / "b" / MANIFEST_FILE).read_bytes()


@pytest.mark.parametrize(
    "other", [row(ENGLISH, 0, 5, 7), row(SWAHILI, 0, 5, 6), row(ENGLISH, 0, 5), "eng_Latn"], ids=repr
)
def test_rows_that_differ_in_language_or_any_token_are_not_equal(other):
    assert row(ENGLISH, 0, 5, 6) != other
    assert row(ENGLISH, 0, 5, 6) == row(ENGLISH, 0, 5, 6)


def test_the_set_counts_its_rows_and_languages(calibration_set):
    assert len(calibration_set) == 3
    assert calibration_set.languages == (ENGLISH, SWAHILI)
    assert calibration_set.rows_of_languages() == {"eng_Latn": 2, "swh_Latn": 1}
    assert calibration_set.token_ids().shape == (3, 3)
    assert calibration_set.fingerprint == calibration_set.manifest.fingerprint


@pytest.mark.parametrize(
    "rows",
    [
        [row(ENGLISH, 0, 5, 6), row(SWAHILI, 0, 7, 9)],
        [row(ENGLISH, 0, 5, 6), row(ENGLISH, 0, 7, 8)],
        [row(SWAHILI, 0, 7, 8), row(ENGLISH, 0, 5, 6)],
        [row(ENGLISH, 0, 5, 6)],
        [],
    ],
    ids=["a token", "a language", "the order", "a row less", "no row"],
)
def test_the_fingerprint_changes_with_everything_that_is_consumed(rows):
    assert fingerprint_of(rows) != fingerprint_of([row(ENGLISH, 0, 5, 6), row(SWAHILI, 0, 7, 8)])


def test_the_fingerprint_is_the_documented_hash_on_any_machine():
    big_endian = Row(ENGLISH, np.array([0, 5, 6], dtype=">i4"))
    little_endian = struct.pack("<3i", 0, 5, 6)

    assert fingerprint_of([big_endian]) == hashlib.sha256(b"eng_Latn" + little_endian).hexdigest()
    assert hash_of(big_endian) == hashlib.sha256(little_endian).hexdigest()[:16]


@pytest.mark.parametrize(
    ("tags", "ids"),
    [
        (["eng_Latn", "swh_Latn", "eng_Latn"], [[0, 5, 6], [0, 7, 8], [0, 9, 10]]),
        (["eng_Latn", "eng_Latn", "eng_Latn"], [[0, 5, 6], [0, 7, 8], [0, 9, 2**31 - 1]]),
        (["swh_Latn", "eng_Latn", "eng_Latn"], [[0, 7, 8], [0, 5, 6], [0, 9, 2**31 - 1]]),
        (["eng_Latn", "swh_Latn"], [[0, 5, 6], [0, 7, 8]]),
    ],
    ids=["a token changed", "a language changed", "rows swapped", "a row missing"],
)
def test_changed_rows_are_detected_by_the_fingerprint(saved, tags, ids):
    rewrite_rows(saved, tags, ids)

    with pytest.raises(CalibrationSetError, match=r"one of the two files was changed\. Build the set again"):
        CalibrationSet.load(saved)


@pytest.mark.parametrize(
    ("tags", "ids"),
    [
        (["no language", "swh_Latn"], [[1], [2]]),
        (["eng_Latn", None], [[1], [2]]),
        (["eng_Latn", "swh_Latn"], [None, [2]]),
        (["eng_Latn", "swh_Latn"], [[2**40], [2]]),
        (["eng_Latn", "swh_Latn"], ["text", "text"]),
    ],
    ids=["unknown language", "no language", "no tokens", "huge token", "text for tokens"],
)
def test_rows_that_are_no_rows_are_refused(saved, tags, ids):
    rewrite_rows(saved, tags, ids)

    with pytest.raises(CalibrationSetError, match=rf"{ROWS_FILE} is no whole calibration set .*build the set again"):
        CalibrationSet.load(saved)


@pytest.mark.parametrize("name", [ROWS_FILE, MANIFEST_FILE])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()

    with pytest.raises(
        CalibrationSetError, match=rf"{name} is no whole .*build the set again|There is no file .*{name}"
    ):
        CalibrationSet.load(saved)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(CalibrationSetError, match=r"There is no folder .*nowhere"):
        CalibrationSet.load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", [ROWS_FILE, MANIFEST_FILE])
@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_file_cut_short_is_refused(saved, name, kept):
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: kept if isinstance(kept, int) else int(len(content) * kept)])

    with pytest.raises(CalibrationSetError, match=rf"{name} is no whole"):
        CalibrationSet.load(saved)


def test_a_parquet_file_with_other_columns_is_refused(saved):
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"]}), saved / ROWS_FILE)

    with pytest.raises(CalibrationSetError, match="is no whole calibration set"):
        CalibrationSet.load(saved)


@pytest.mark.parametrize(
    "content", ["[]", "null", '"text"', '{"format_version": 1}', '{"format_version": 1, "new": 2}']
)
def test_json_that_is_no_manifest_is_refused(saved, content):
    (saved / MANIFEST_FILE).write_text(content)

    with pytest.raises(CalibrationSetError, match="is no whole manifest"):
        CalibrationSet.load(saved)


@pytest.mark.parametrize("version", [2, "1", None])
def test_a_manifest_of_another_format_version_is_refused_with_both_versions(saved, version):
    values = json.loads((saved / MANIFEST_FILE).read_text(encoding="utf-8"))
    (saved / MANIFEST_FILE).write_text(json.dumps({**values, "format_version": version}))

    with pytest.raises(CalibrationSetError, match=rf"format_version {version!r}; this version .* reads 1"):
        CalibrationSet.load(saved)


def test_a_manifest_survives_json(calibration_set):
    manifest = calibration_set.manifest

    assert Manifest.from_dict(json.loads(json.dumps(manifest.to_dict()))) == manifest


def test_provenance_is_compact_and_names_no_document(calibration_set):
    provenance = calibration_set.manifest.provenance

    assert provenance["package"] == "optimum-multilingual 1.2.3"
    assert provenance["rows"] == {"swh_Latn": 1, "eng_Latn": 2}
    assert provenance["fingerprint"] == calibration_set.fingerprint
    assert "sw/1" not in json.dumps(provenance)
