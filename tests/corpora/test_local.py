"""A folder is a corpus: its files are named after languages."""

import pytest

from optimum_multilingual.corpora import require_languages
from optimum_multilingual.corpora.local import LocalCorpus
from optimum_multilingual.errors import CorpusError, CorpusFileError
from optimum_multilingual.languages import find_language

SW = find_language("sw")


@pytest.fixture
def folder(tmp_path):
    """Makes a folder of files, from their names and contents."""

    def make(**contents):
        for name, content in contents.items():
            (tmp_path / name).write_text(content, encoding="utf-8")
        return tmp_path

    return make


@pytest.mark.parametrize(("name", "tag"), [
    ("swh_Latn.txt", "swh_Latn"),
    ("sw.txt", "swh_Latn"),
    ("swa.txt", "swh_Latn"),
    ("Swahili.txt", "swh_Latn"),
    ("zh-Hant.txt", "cmn_Hant"),
    ("zh.Hant.txt", "cmn_Hant"),
    ("Dan.txt", "dan_Latn"),
    ("sr.Latn.txt", "srp_Latn"),
    ("sw.train.txt", "swh_Latn"),
    ("cmn_Hant.txt", "cmn_Hant"),
    ("Haitian Creole.txt", "hat_Latn"),
    ("cmn_Hani.txt", "cmn_Hans"),
    ("yue_Hani.txt", "yue_Hant"),
])  # fmt: skip
def test_a_file_may_be_named_by_tag_short_code_or_name(folder, name, tag):
    corpus = LocalCorpus.from_folder(folder(**{name: "habari\n"}))
    assert [language.tag for language in corpus.languages()] == [tag]
    assert [document.text for document in corpus.documents(find_language(tag))] == ["habari"]


def test_a_name_with_a_dot_that_begins_with_no_language_is_passed_over(folder):
    corpus = LocalCorpus.from_folder(folder(**{"sw.txt": "habari", "README.old.txt": "notes", "v1.en.txt": "x"}))
    assert (corpus.languages(), corpus.passed_over) == ((SW,), ("README.old.txt", "v1.en.txt"))


def test_a_folder_gives_every_language_its_own_file(folder):
    files = {"en.txt": "one\ntwo\n", "sw.jsonl": '{"text": "moja"}\n', "French.csv": "text\nun\n"}
    corpus = LocalCorpus.from_folder(str(folder(**files)))
    texts = {
        language.short: [document.text for document in corpus.documents(language)] for language in corpus.languages()
    }
    assert texts == {"en": ["one", "two"], "sw": ["moja"], "fr": ["un"]}


def test_files_and_folders_that_are_no_corpus_files_are_passed_over(folder):
    path = folder(**{"sw.txt": "habari", "README.txt": "notes", "en.docx": "x", "licence": "x", ".txt": "x"})
    (path / "fr.txt").mkdir()
    assert LocalCorpus.from_folder(path).languages() == (SW,)


def test_documents_come_in_the_order_of_the_file_every_time(folder):
    corpus = LocalCorpus.from_folder(folder(**{"sw.txt": "c\na\nb\n"}))
    assert [document.text for document in corpus.documents(SW)] == ["c", "a", "b"]
    assert list(corpus.documents(SW)) == list(corpus.documents(SW))


def test_ids_name_the_file_and_line_and_no_folder(folder):
    corpus = LocalCorpus.from_folder(folder(**{"sw.txt": "one\n\ntwo\n"}))
    assert [document.id for document in corpus.documents(SW)] == ["sw.txt:1", "sw.txt:3"]


def test_the_description_names_files_and_no_folder(folder):
    path = folder(**{"sw.txt": "siri"})
    assert LocalCorpus.from_folder(path).describe() == {"kind": "files", "files": {"swh_Latn": "sw.txt"}}


def test_the_text_column_is_passed_on_to_the_files(folder):
    corpus = LocalCorpus.from_folder(folder(**{"sw.jsonl": '{"body": "habari"}'}), "body")
    assert [document.text for document in corpus.documents(SW)] == ["habari"]


@pytest.mark.parametrize("names", [("sw.txt", "swh_Latn.jsonl"), ("Swahili.csv", "sw.csv"), ("sw.txt", "sw.txt.gz")])
def test_two_files_for_one_language_are_refused(folder, names):
    path = folder(**dict.fromkeys(names, "x"))
    with pytest.raises(
        CorpusError, match=r"are both Swahili \(swh_Latn\); keep one, or give corpus= a mapping"
    ) as caught:
        LocalCorpus.from_folder(path)
    assert [name for name in names if name not in str(caught.value)] == []


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(
        CorpusError, match=r"There is no folder .*nowhere; corpus= takes a folder with one file for each"
    ):
        LocalCorpus.from_folder(tmp_path / "nowhere")


def test_a_file_in_place_of_a_folder_is_refused(folder):
    with pytest.raises(CorpusError, match=r"There is no folder .*sw\.txt; corpus= takes a folder"):
        LocalCorpus.from_folder(folder(**{"sw.txt": "habari"}) / "sw.txt")


@pytest.mark.parametrize("names", [(), ("notes.txt", "sw.docx"), ("Swahilli.txt",)])
def test_a_folder_without_corpus_files_is_refused(folder, names):
    with pytest.raises(CorpusError, match="holds no file named after a language") as caught:
        LocalCorpus.from_folder(folder(**dict.fromkeys(names, "x")))
    assert ".txt, .jsonl, .csv, .parquet" in str(caught.value)
    assert "expected names such as en.txt, sw.jsonl.gz or swh_Latn.parquet" in str(caught.value)


def test_a_mapped_file_that_is_missing_has_no_identity(tmp_path):
    corpus = LocalCorpus({SW: tmp_path / "sw.txt"})
    with pytest.raises(CorpusFileError, match=r"There is no file .*sw\.txt; check the path given as corpus"):
        corpus.identity()


def test_a_bad_file_is_refused_when_its_language_is_read(folder):
    corpus = LocalCorpus.from_folder(folder(**{"sw.txt": "", "en.txt": "good"}))
    assert [document.text for document in corpus.documents(find_language("en"))] == ["good"]
    with pytest.raises(CorpusFileError, match=r"sw\.txt is empty"):
        list(corpus.documents(SW))


def test_files_that_were_passed_over_are_named_where_a_language_is_missing(folder):
    corpus = LocalCorpus.from_folder(folder(**{"en.txt": "one", "swahlii.txt": "moja", "sw.tsv": "moja"}))
    with pytest.raises(CorpusError, match=r"no Swahili \(swh_Latn\).*passed over: sw\.tsv, swahlii\.txt"):
        require_languages(corpus, [SW])
