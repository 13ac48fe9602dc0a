"""Every corpus of the catalogue is streamed by the Hub's own clients, from a replica of its files on a local Hub."""

import pytest
from hub_replicas import LAYOUTS, serve_replica, texts_of, write_rows

from optimum_multilingual import HubCorpus
from optimum_multilingual.corpora import open_corpus, shuffled_documents
from optimum_multilingual.corpora.catalog import find_entry, load_catalog
from optimum_multilingual.errors import ConfigError
from optimum_multilingual.languages import find_language

# What is asked for, and the files its documents come from: those to calibrate on, and those to evaluate on. Where a
# dataset has no evaluation files for a language, both parts come from the same files.
STREAMED = [
    ("fineweb2", "sw", ["data/swh_Latn/train/000_00000", "data/swh_Latn/train/000_00001"], ["data/swh_Latn/test/"]),
    ("fineweb2", "zh", ["data/cmn_Hani/train/"], None),
    ("fineweb2", "en", ["sample/10BT/"], None),
    ("fineweb", "en", ["sample/10BT/"], None),
    ("fineweb2_hq", "de", ["deu_Latn/"], None),
    ("fineweb2_hq", "zh", ["cmn_Hani/"], None),
    ("fineweb2_hq", "en", ["sample/10BT/"], None),
    ("wikipedia", "sw", ["20231101.sw/"], None),
    ("wikipedia", "gsw", ["20231101.als/"], None),
    ("wikipedia", "nan_Latn", ["20231101.zh-min-nan/"], None),
    ("c4", "he", ["multilingual/c4-iw.tfrecord-00000-of-01024"], ["multilingual/c4-iw-validation"]),
    ("c4", "zh", ["multilingual/c4-zh.tfrecord"], None),
    ("c4", "zh-Latn", ["multilingual/c4-zh-Latn.tfrecord"], None),
    ("c4", "en", ["en/c4-train"], ["en/c4-validation"]),
    ("c4_en", "en", ["en/c4-train"], ["en/c4-validation"]),
    ("culturax", "sw", ["sw/sw_part_00000", "sw/sw_part_00001"], None),
    ("madlad400", "sw", ["data/sw/sw_clean_0000"], None),
    ("glotcc", "sw", ["v1.0/swh-Latn/"], None),
    ("glotcc", "zh", ["v1.0/zho-Hani/"], None),
    ("flores_plus", "sw", [], ["devtest/swh_Latn"]),
    ("ntrex", "sw", [], ["data/test-00000-of-00001"]),
    ("udhr", "nan_Latn", ["udhr-lid.csv"], None),
    ("tatoeba", "sw", ["en-sw/"], None),
    ("tatoeba", "en", ["all/"], None),
    ("tatoeba_en", "en", ["all/"], None),
]


@pytest.fixture
def serve(hub, tmp_path):
    """Opens a corpus whose replica is on the local Hub."""

    def serve(name):
        serve_replica(hub, name, tmp_path, readers=("hf_has_access",))
        return open_corpus(name)

    return serve


def test_every_entry_has_a_replica_and_is_streamed():
    assert set(LAYOUTS) == set(load_catalog()) == {name for name, *_ in STREAMED}


@pytest.mark.parametrize(("name", "code", "training", "evaluation"), STREAMED)
def test_a_corpus_streams_the_files_of_a_language(serve, monkeypatch, name, code, training, evaluation):
    monkeypatch.setenv("HF_TOKEN", "hf_has_access")
    corpus, language = serve(name), find_language(code)
    documents = list(corpus.documents(language))
    paths = [path for entry in LAYOUTS.values() for path in entry if path.startswith((*training, *(evaluation or ())))]
    expected = [(f"{path}:{row}", text) for path in dict.fromkeys(paths) for row, text in enumerate(texts_of(path), 1)]
    assert sorted((document.id, document.text) for document in documents) == sorted(expected)
    assert language in corpus.languages()
    if evaluation is not None:
        parts = {document.id: document.part for document in documents}
        assert all((part == "evaluation") == id.startswith(tuple(evaluation)) for id, part in parts.items())
    for part in {document.part for document in documents}:
        drawn = [document.id for document in shuffled_documents(corpus, language, part, seed=0)]
        assert sorted(drawn) == sorted(document.id for document in documents if document.part == part)


def test_the_languages_of_a_repository_are_its_codes_that_mean_one(serve):
    assert [language.tag for language in serve("fineweb2").languages()] == ["cmn_Hans", "swh_Latn", "eng_Latn"]


@pytest.mark.parametrize(("name", "tags"), [
    ("wikipedia", {"swh_Latn", "gsw_Latn", "nan_Latn"}),
    ("culturax", {"swh_Latn"}),
    ("madlad400", {"swh_Latn"}),
    ("glotcc", {"swh_Latn", "cmn_Hans"}),
    ("flores_plus", {"swh_Latn"}),
    ("udhr", {"nan_Latn"}),
    ("tatoeba", {"swh_Latn", "eng_Latn"}),
])  # fmt: skip
def test_a_repository_is_asked_for_its_languages(serve, name, tags):
    assert {language.tag for language in serve(name).languages()} == tags


def test_of_several_codes_of_a_language_its_tag_is_taken_or_else_the_shortest(hub, tmp_path):
    for code in ("swa_Latn", "swh_Latn", "swh-Latn", "zh-CN", "zh"):
        write_rows(tmp_path / "texts" / f"{code}.jsonl", [{"text": f"of {code}"}])
    hub.add("datasets", "me/texts", tmp_path / "texts")
    corpus = HubCorpus.from_repository("me/texts", "{code}.jsonl")
    assert {
        tag: [document.text for document in corpus.documents(find_language(tag))] for tag in ("swh_Latn", "zh")
    } == {
        "swh_Latn": ["of swh_Latn"],
        "zh": ["of zh"],
    }


def test_a_language_with_its_own_entry_is_read_from_that_repository(serve, hub):
    next(serve("fineweb2").documents(find_language("en")))
    assert [request for request in hub.requests if "/resolve/" in request and "fineweb-2" in request] == []


def test_every_code_of_the_catalogue_means_the_language_it_says():
    entries = load_catalog().values()
    assert [
        (entry.name, code) for entry in entries for code in entry.languages or () if not entry.language_of(code)
    ] == []
    said = [(entry, code, tag) for entry in entries for code, tag in entry.codes.items()]
    said += [(entry, tag, tag) for entry in entries for tag in entry.elsewhere]
    for entry, code, tag in said:
        language = entry.language_of(code)
        assert (language and language.tag) == tag, (entry.name, code)


def test_lines_that_are_written_in_one_are_lines_again(hub, tmp_path):
    serve_replica(hub, "madlad400", tmp_path)
    path = tmp_path / find_entry("madlad400").repository / "data" / "sw" / "sw_clean_0000.jsonl.gz"
    write_rows(path, [{"text": r"Habari.\nKaribu."}])
    assert [document.text for document in open_corpus("madlad400").documents(find_language("sw"))] == [
        "Habari.\nKaribu."
    ]


def test_a_language_that_an_entry_leaves_out_is_read_by_saying_what_its_code_means(hub, tmp_path):
    serve_replica(hub, "wikipedia", tmp_path)
    repository = find_entry("wikipedia").repository
    write_rows(tmp_path / repository / "20231101.mwl" / "train-00000-of-00001.parquet", [{"text": "Bun die."}])
    mirandese, revision = find_language("mwl_Latn"), find_entry("wikipedia").revision
    assert mirandese not in open_corpus("wikipedia").languages()
    pattern, codes = "20231101.{code}/*.parquet", {"mwl": "mwl_Latn"}
    corpus = HubCorpus.from_repository(repository, pattern, codes=codes, revision=revision)
    assert [document.text for document in corpus.documents(mirandese)] == ["Bun die."]


def test_a_star_in_the_folder_before_the_code_is_refused():
    with pytest.raises(ConfigError, match=r"a \* stands before \{code\}"):
        HubCorpus.from_repository("me/texts", "*/{code}.jsonl")
