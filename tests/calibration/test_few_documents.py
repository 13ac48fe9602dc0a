"""A language that is calibrated on a few long documents is named, once for each set."""

import pytest
from built_sets import WHOLE_CORPUS, built

from optimum_multilingual.corpora.embedded import EmbeddedCorpus
from optimum_multilingual.languages import find_language


def paragraphs(language):
    return [document.text for document in EmbeddedCorpus().documents(find_language(language))]


def said(caplog):
    return [record.getMessage() for record in caplog.records if record.name.endswith("few_documents")]


def test_languages_of_long_documents_are_named_with_their_rows_and_documents(tokenizer, caplog):
    corpus = {
        "en": paragraphs("en"),
        "sw": ["\n".join(paragraphs("sw"))],
        "hi": ["\n".join(paragraphs("hi")[n : n + 6]) for n in range(0, 96, 6)],
    }
    rows = built(
        tokenizer, list(corpus), corpus=corpus, num_rows=36, sequence_length=128, evaluation=WHOLE_CORPUS, cache=False
    )

    documents = {tag: entry["documents"] for tag, entry in rows.manifest.languages.items()}
    assert documents["swh_Latn"] == 1 < documents["hin_Deva"] < 8 <= documents["eng_Latn"]
    [message] = said(caplog)
    assert message.startswith(
        f"Swahili (12 rows of 1 document), Hindi (12 rows of {documents['hin_Deva']} documents) are calibrated on fewer than 8 "
        "documents."
    )


@pytest.mark.parametrize(("rows", "messages"), [(7, 0), (8, 1)])
def test_fewer_than_eight_rows_may_come_from_one_document(tokenizer, caplog, rows, messages):
    corpus = {"sw": ["\n".join(paragraphs("sw"))]}
    built(tokenizer, ["sw"], corpus=corpus, num_rows=rows, evaluation=WHOLE_CORPUS, cache=False)

    assert len(said(caplog)) == messages


@pytest.mark.usefixtures("own_cache")
def test_a_set_out_of_the_cache_is_warned_of_too(tokenizer, tmp_path, caplog):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "sw.txt").write_text(" ".join(paragraphs("sw")), encoding="utf-8")
    for _ in range(2):
        built(tokenizer, ["sw"], corpus=str(folder), num_rows=8, evaluation=WHOLE_CORPUS)

    assert len(said(caplog)) == 2
