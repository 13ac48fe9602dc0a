"""Rows filed under the wrong language are reported, and stay."""

import pytest

from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.corpora.embedded import EmbeddedCorpus
from optimum_multilingual.languages import find_language


def paragraphs(language):
    return [document.text for document in EmbeddedCorpus().documents(find_language(language))]


@pytest.fixture(scope="module")
def identified(tokenizer):
    corpus = {"de": paragraphs("de"), "sw": paragraphs("en"), "yo": paragraphs("yo"), "am": paragraphs("am")}
    config = MultilingualCalibrationConfig(
        languages=list(corpus), corpus=corpus, num_rows=12, sequence_length=128, identify_languages=True
    )
    rows = build_calibration_set(config, tokenizer)
    assert set(rows.rows_of_languages().values()) == {3}, "nothing is dropped"
    return {tag: entry["identified"] for tag, entry in rows.manifest.languages.items()}


@pytest.mark.parametrize("tag", ["deu_Latn", "yor_Latn"])
def test_rows_in_their_language_are_recognised(identified, tag):
    assert identified[tag] == {"identifier": "lingua", "rows": 3, "as_filed": 3, "others": {}}


def test_rows_in_another_language_are_reported(identified):
    assert identified["swh_Latn"]["as_filed"] == 0
    assert identified["swh_Latn"]["others"] == {"eng": 3}


def test_a_language_the_identifier_does_not_know_is_not_judged(identified):
    assert identified["amh_Ethi"]["as_filed"] is None
