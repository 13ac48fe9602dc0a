"""Whatever a repository, its files or the network can do wrong ends in one error that says so, and never in other text."""

import shutil
import time
from pathlib import Path

import datasets
import pytest
from hub_replicas import serve_replica, write_rows

from optimum_multilingual import HubCorpus, MultilingualCalibrationConfig
from optimum_multilingual.corpora import open_corpus, require_languages, shuffled_documents
from optimum_multilingual.corpora.catalog import find_entry
from optimum_multilingual.errors import ConfigError, CorpusError, HubError, MultilingualError
from optimum_multilingual.languages import find_language

SW = find_language("sw")
AT_ONCE = {"Retry-After": "0"}  # Clients wait one second more than they are asked to; unasked, 23 seconds in all.


@pytest.fixture
def folder(hub, tmp_path):
    """Where the files of FineWeb-2's replica lie."""
    serve_replica(hub, "fineweb2", tmp_path)
    return tmp_path / find_entry("fineweb2").repository / "data" / "swh_Latn"


@pytest.fixture
def me(hub, tmp_path):
    """Opens a repository of one's own, with files of these rows."""

    def open_repository(files, pattern="{code}/*", **settings):
        for path, rows in files.items():
            write_rows(tmp_path / "mine" / path, rows)
        hub.add("datasets", "me/texts", tmp_path / "mine")
        return HubCorpus.from_repository("me/texts", pattern, **settings)

    return open_repository


def impatient(name):
    return HubCorpus(find_entry(name), retry_waits=(0.01, 0.01))


def texts(corpus, language=SW):
    return [document.text for document in corpus.documents(language)]


def says(caught, *words):
    return [word for word in words if word not in str(caught.value)] == []


def test_a_language_that_the_repository_lacks_is_named_before_any_text_is_read(folder, hub):
    with pytest.raises(CorpusError, match=r"\(fineweb2\) has no Zulu \(zul_Latn\)") as caught:
        require_languages(open_corpus("fineweb2"), [find_language("zu")])
    assert says(caught, "cmn_Hans, eng_Latn, swh_Latn", "Of many languages, and open: 'wikipedia'")
    assert not [request for request in hub.requests if "/resolve/" in request]


@pytest.mark.parametrize(("name", "asked", "words"), [
    ("c4", "nn", r"\(c4\) has no Norwegian Nynorsk .*It has \d+ languages, the nearest being .*nob_Latn"),
    ("c4", "zh-Hant", r"the nearest being cmn_Hans, cmn_Latn"),
    ("c4", "quc_Latn", r"It has \d+ languages\. .* Of many languages, and open: 'fineweb2', 'wikipedia'"),
    ("fineweb2_hq", "sw", r"It has .*deu_Latn.* On the Hub 'c4' has it\. Of many languages, and open: 'fineweb2'"),
])  # fmt: skip
def test_the_nearest_languages_are_named_and_where_else_to_look(name, asked, words):
    with pytest.raises(CorpusError, match=words):
        require_languages(open_corpus(name), [find_language(asked)])


def test_a_listed_language_without_files_is_an_error(hub, tmp_path):
    serve_replica(hub, "c4", tmp_path)
    with pytest.raises(HubError, match=r"allenai/c4 has no file multilingual/c4-sw\.tfrecord-\*\.json\.gz .*Swahili"):
        texts(open_corpus("c4"))


def test_a_language_with_test_files_alone_is_not_calibrated_on(folder):
    shutil.rmtree(folder / "train")
    expected = r"fineweb-2 has no file of Swahili \(swh_Latn\) that is for calibration"
    with pytest.raises(HubError, match=expected):
        next(shuffled_documents(open_corpus("fineweb2"), SW, "calibration", seed=0))


def test_a_renamed_column_is_named_with_those_there_are(folder):
    write_rows(folder / "train" / "000_00000.parquet", [{"content": "habari", "url": "u"}])
    with pytest.raises(HubError, match=r"000_00000\.parquet of HuggingFaceFW/fineweb-2 has no column 'text'") as caught:
        texts(open_corpus("fineweb2"))
    assert says(caught, "'content', 'url'", "HubCorpus.from_repository")


@pytest.mark.parametrize("ending", ["jsonl.gz", "csv", "parquet"])
def test_a_renamed_column_is_found_in_every_kind_of_file(me, ending):
    with pytest.raises(HubError, match="has no column 'text', only 'content'"):
        texts(me({f"sw/1.{ending}": [{"content": "habari"}]}))


def test_texts_that_are_no_strings_are_refused(me):
    with pytest.raises(HubError, match=r"sw/1\.parquet of me/texts, row 2: the value of 'text' is of type list"):
        texts(me({"sw/1.parquet": [{"text": None}, {"text": ["habari"]}]}))


@pytest.mark.parametrize("ending", ["jsonl.gz", "parquet"])
def test_files_without_text_are_an_error(me, ending):
    with pytest.raises(HubError, match=rf"files of Swahili \(swh_Latn\) in me/texts hold no text: sw/1\.{ending}"):
        texts(me({f"sw/1.{ending}": [{"text": "  "}, {"text": ""}]}))


def test_an_empty_file_among_others_is_no_error(me):
    corpus = me({"sw/1.parquet": [{"text": ""}], "sw/2.parquet": [{"text": "habari"}]})
    assert texts(corpus) == ["habari"]


@pytest.mark.parametrize("damage", [lambda data: b"no parquet", lambda data: data[: len(data) // 2], lambda data: b""])
def test_one_damaged_file_among_many_is_named_and_not_skipped(folder, damage):
    for number in range(2, 9):
        write_rows(folder / "train" / f"000_0000{number}.parquet", [{"text": f"text {number}"}])
    path = folder / "train" / "000_00005.parquet"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(HubError, match=r"data/swh_Latn/train/000_00005\.parquet of .*cannot be read") as caught:
        texts(open_corpus("fineweb2"))
    assert says(caught, "not skipped", "/datasets/HuggingFaceFW/fineweb-2/discussions")


def test_gzip_data_that_was_cut_short_is_named(me, tmp_path):
    corpus = me({"sw/1.jsonl.gz": [{"text": f"habari {number}"} for number in range(5000)]})
    path = tmp_path / "mine" / "sw" / "1.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(HubError, match=r"sw/1\.jsonl\.gz of me/texts .*cannot be read"):
        texts(corpus)


def test_an_unknown_repository_is_named(hub):
    with pytest.raises(HubError, match=r"There is no dataset me/nothing on http.*hf auth login"):
        HubCorpus.from_repository("me/nothing", "{code}/*.txt").languages()


def test_a_name_that_is_no_repository_is_an_error(hub):
    with pytest.raises(HubError, match=r"There is no dataset a/b/c on"):
        HubCorpus.from_repository("a/b/c", "{code}/*.txt").languages()


@pytest.mark.parametrize("revision", ["v9", "f" * 40])
def test_an_unknown_revision_is_named(me, revision):
    with pytest.raises(HubError, match=f"me/texts has no revision '{revision}'.*/datasets/me/texts/commits/main"):
        me({"sw/1.txt": [{"text": "habari"}]}, revision=revision).languages()


def test_a_pinned_commit_that_is_gone_is_an_error(hub, tmp_path):
    serve_replica(hub, "glotcc", tmp_path)
    hub.add("datasets", "cis-lmu/GlotCC-V1", tmp_path / "cis-lmu" / "GlotCC-V1", commit="0" * 40)
    with pytest.raises(HubError, match=f"has no revision '{find_entry('glotcc').revision}'"):
        texts(open_corpus("glotcc"))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_list_of_files_is_asked_for_again_after_a_passing_failure(folder, hub, status):
    hub.fail("/tree/", status, times=2)
    assert texts(impatient("fineweb2"))


def test_the_hub_says_how_long_to_wait(folder, hub):
    hub.fail("/tree/", 429, times=1, headers={"Retry-After": "1"})
    start = time.monotonic()
    assert texts(impatient("fineweb2"))
    assert time.monotonic() - start >= 1


@pytest.mark.parametrize(("status", "words"), [(429, "too many requests"), (502, "status.huggingface.co")])
def test_a_failure_that_does_not_pass_ends_in_one_error(folder, hub, status, words):
    hub.fail("/tree/", status)
    with pytest.raises(HubError, match=f"The Hub answered HTTP {status} .*after waiting and asking again.*{words}"):
        texts(impatient("fineweb2"))
    assert sum("/tree/" in request for request in hub.requests) == 3


def test_an_answer_that_will_not_change_is_not_asked_for_again(folder, hub):
    hub.fail("/tree/", 418)
    with pytest.raises(HubError, match="HTTP 418"):
        texts(impatient("fineweb2"))
    assert sum("/tree/" in request for request in hub.requests) == 1


@pytest.mark.parametrize("status", [429, 503, None], ids=["429", "503", "cut in mid-stream"])
@pytest.mark.parametrize("name", ["fineweb2", "madlad400"])
def test_text_is_asked_for_again_after_a_passing_failure(hub, tmp_path, name, status):
    serve_replica(hub, name, tmp_path)
    corpus = open_corpus(name)
    expected = texts(corpus)
    hub.fail("GET .*/resolve/", status, times=1, headers=AT_ONCE)
    assert texts(corpus) == expected


@pytest.mark.parametrize("status", [429, 500])
def test_text_that_cannot_be_had_ends_in_one_error(folder, hub, status):
    hub.fail("/resolve/.*000_00001", status, headers=AT_ONCE)
    expected = rf"HTTP {status} .* for data/swh_Latn/train/000_00001\.parquet of HuggingFaceFW/fineweb-2"
    with pytest.raises(HubError, match=expected):
        texts(open_corpus("fineweb2"))


def test_text_behind_datasets_that_cannot_be_had_ends_in_one_error(hub, tmp_path, monkeypatch):
    # 20 tries with a minute between them, unless set otherwise.
    monkeypatch.setattr(datasets.config, "STREAMING_READ_MAX_RETRIES", 1)
    monkeypatch.setattr(datasets.config, "STREAMING_READ_RATE_LIMIT_RETRY_INTERVAL", 0)
    serve_replica(hub, "madlad400", tmp_path)
    hub.fail("/resolve/", 429, headers=AT_ONCE)
    with pytest.raises(
        HubError, match=r"HTTP 429 .* for data/sw/sw_clean_0000\.jsonl\.gz of allenai/MADLAD-400.*too many"
    ):
        texts(open_corpus("madlad400"))


def test_a_connection_that_is_always_cut_ends_in_one_error(folder, hub):
    hub.fail("/tree/", None)
    with pytest.raises(HubError, match=r"The connection to http.* failed while reading .*Check the network"):
        texts(impatient("fineweb2"))


@pytest.mark.parametrize(("given", "meant"), [
    ("fineweb-2", "'fineweb2'"), ("wikipeda", "'wikipedia'"), ("Embedded", "'embedded'"), ("allenai/madlad-400", "'madlad400'"),
])  # fmt: skip
def test_an_unknown_name_suggests_what_was_meant(given, meant):
    with pytest.raises(CorpusError, match=f"There is no folder {given}; .*Did you mean .*{meant}"):
        open_corpus(given)


def test_an_unknown_name_of_the_catalogue_lists_all():
    with pytest.raises(
        ConfigError, match=r"has no corpus 'fineweb3'\. Did you mean .*'fineweb2'\? It has fineweb2, .*udhr"
    ):
        HubCorpus.from_catalog("fineweb3")


def test_a_folder_called_like_a_corpus_is_not_guessed_at(tmp_path, monkeypatch):
    (tmp_path / "wikipedia").mkdir()
    (tmp_path / "wikipedia" / "sw.txt").write_text("habari\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"a folder here is called so too\. Write corpus='\./wikipedia'"):
        open_corpus("wikipedia")
    assert texts(open_corpus("./wikipedia")) == ["habari"]
    config = MultilingualCalibrationConfig(languages=["sw"], corpus=Path("wikipedia"))
    assert config.to_dict()["corpus"] == "./wikipedia"
    assert HubCorpus.from_catalog("wikipedia").name == "wikipedia"


def test_files_that_do_not_say_their_language_are_refused():
    with pytest.raises(MultilingualError, match="Nothing says which files of me/texts are of which language"):
        HubCorpus.from_repository("me/texts", "data/*.parquet")


def test_files_of_an_unknown_kind_are_refused(me, tmp_path):
    corpus = me({"sw/1.txt": [{"text": "habari"}]})
    (tmp_path / "mine" / "sw" / "2.xml").write_text("<p>habari</p>")
    with pytest.raises(HubError, match=r"sw/2\.xml has no ending that can be read; allowed are parquet, json"):
        texts(corpus)
