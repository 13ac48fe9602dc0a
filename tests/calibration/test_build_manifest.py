"""What a built set says of itself, which part of the corpus it holds, and its default sizes."""

from __future__ import annotations

import json
import re

import pytest
from built_sets import WHOLE_CORPUS, built, texts

from optimum_multilingual import CalibrationSet, EvaluationConfig
from optimum_multilingual.calibration.calibration_set import hash_of
from optimum_multilingual.corpora.embedded import EmbeddedCorpus
from optimum_multilingual.languages import find_language


def test_the_manifest_counts_what_the_rows_hold(tokenizer):
    rows = built(tokenizer, num_rows=10, mixture={"en": 3, "sw": 1, "zh": 1}, seed=3, document_separator="eos")

    manifest = rows.manifest
    assert {tag: entry["rows"] for tag, entry in manifest.languages.items()} == rows.rows_of_languages()
    assert {tag: entry["tokens"] for tag, entry in manifest.languages.items()} == {
        tag: 32 * count for tag, count in rows.rows_of_languages().items()
    }
    assert {tag: entry["weight"] for tag, entry in manifest.languages.items()} == {
        "eng_Latn": 3.0,
        "swh_Latn": 1.0,
        "cmn_Hans": 1.0,
    }
    assert all(entry["documents"] == len(manifest.documents[tag]) for tag, entry in manifest.languages.items())
    assert manifest.row_hashes == [hash_of(row) for row in rows]
    assert (manifest.seed, manifest.prefix, manifest.document_separator) == (3, [tokenizer.bos_token_id], "eos")
    assert manifest.mixture == {"kind": "weights", "temperature": 1.0}
    assert set(manifest.versions) == {"optimum_multilingual", "transformers", "tokenizers", "torch"}


def test_the_manifest_names_exactly_the_documents_whose_text_is_in_the_rows(tokenizer):
    corpus = {"en": texts(60)["en"]}
    rows = built(tokenizer, ["en"], corpus=corpus, num_rows=5)

    text = tokenizer.decode(rows.token_ids()[:, 1:].ravel())
    complete = {f"memory/eng_Latn/{n}" for n, line in enumerate(corpus["en"], start=1) if line in text}
    named = set(rows.manifest.documents["eng_Latn"].values())
    assert complete <= named
    assert len(named - complete) <= 1, "only the last document may be cut"


@pytest.mark.parametrize("evaluation", [EvaluationConfig(), None])
def test_text_that_is_kept_for_evaluation_is_not_calibrated_on(tokenizer, evaluation):
    rows = built(tokenizer, ["sw"], num_rows=100, evaluation=evaluation)

    part_of = {document.id: document.part for document in EmbeddedCorpus().documents(find_language("sw"))}
    assert {part_of[id] for id in rows.manifest.documents["swh_Latn"].values()} == {"calibration"}


def test_evaluation_text_of_its_own_frees_the_whole_corpus(tokenizer):
    corpus = {"sw": [f"Mto {n} ulijaa." for n in range(40)]}
    total = sum(map(len, tokenizer([f"{text}\n" for text in corpus["sw"]], add_special_tokens=False).input_ids))

    rows = built(tokenizer, ["sw"], corpus=corpus, num_rows=total // 15, sequence_length=16, evaluation=WHOLE_CORPUS)

    assert len(rows.manifest.documents["swh_Latn"]) >= 39


def test_the_manifest_holds_no_text_and_no_folder(tokenizer, tmp_path):
    for language, lines in texts(60).items():
        (tmp_path / f"{language}.txt").write_text("\n".join(lines), encoding="utf-8")
    rows = built(tokenizer, ["en", "sw"], corpus=str(tmp_path), num_rows=4)

    written = json.dumps(rows.manifest.to_dict())
    assert not re.search("river|nobody|hakuna|adhuhuri", written)
    assert str(tmp_path) not in written
    assert tokenizer.name_or_path not in written
    assert "en.txt:" in written


def test_by_default_the_embedded_corpus_gives_3072_tokens_of_each_language_in_rows_of_512(tokenizer):
    languages = EmbeddedCorpus().languages()
    rows = built(tokenizer, languages, sequence_length=None)

    assert rows.rows_of_languages() == {language.tag: 6 for language in languages}
    assert rows.token_ids().shape == (6 * len(languages), 512)
    assert rows.manifest.corpus["kind"] == "embedded"


def test_by_default_another_corpus_gives_128_rows_of_2048_tokens(word_tokenizer):
    words = "word " * (128 * 2048)
    rows = built(word_tokenizer("word"), ["en"], corpus={"en": [words]}, sequence_length=None, evaluation=WHOLE_CORPUS)

    assert rows.token_ids().shape == (128, 2048)


def test_a_built_set_survives_the_disk(tokenizer, tmp_path):
    rows = built(tokenizer, num_rows=6)
    rows.save(tmp_path)

    assert CalibrationSet.load(tmp_path) == rows
