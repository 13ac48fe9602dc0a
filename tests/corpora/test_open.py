"""Whatever is given as corpus= becomes a corpus, or is refused with what may be given."""

from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict, IterableDatasetDict

from optimum_multilingual.corpora import Corpus, Document, open_corpus, require_languages
from optimum_multilingual.errors import ConfigError, CorpusError, CorpusFileError, LanguageError
from optimum_multilingual.languages import find_language, find_languages

SW, EN = find_languages(["sw", "en"])


class OwnCorpus:
    """The three methods that make any object a corpus."""

    def languages(self):
        return (SW,)

    def documents(self, language):
        yield Document.from_text("own/1", "habari")

    def describe(self):
        return {"kind": "own"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sw.txt").write_text("habari\n", encoding="utf-8")
    (tmp_path / "en.txt").write_text("morning\n", encoding="utf-8")
    return tmp_path


def texts(corpus, language=SW):
    return [document.text for document in corpus.documents(language)]


def test_the_word_embedded_opens_the_corpus_of_the_package():
    assert open_corpus("embedded").describe()["kind"] == "embedded"


@pytest.mark.parametrize("as_given", [str, Path])
def test_a_folder_may_be_given_as_text_or_path(folder, as_given):
    corpus = open_corpus(as_given(folder))
    assert set(corpus.languages()) == {SW, EN}
    assert texts(corpus) == ["habari"]


@pytest.mark.parametrize("as_given", [str, Path])
def test_a_mapping_of_paths_opens_these_files(folder, as_given):
    corpus = open_corpus({"Swahili": as_given(folder / "en.txt"), EN: as_given(folder / "sw.txt")})
    assert corpus.languages() == (SW, EN)
    assert (texts(corpus, SW), texts(corpus, EN)) == (["morning"], ["habari"])


def test_a_mapping_of_iterables_opens_these_texts():
    corpus = open_corpus({"Swahili": ["moja", "mbili"], EN: (text for text in ["one"])})
    assert corpus.languages() == (SW, EN)
    assert (texts(corpus, SW), texts(corpus, EN), texts(corpus, EN)) == (["moja", "mbili"], ["one"], ["one"])


@pytest.mark.parametrize("streaming", [False, True])
def test_a_dataset_is_opened_with_the_columns_that_were_named(streaming):
    dataset = Dataset.from_dict({"body": ["habari"], "lang": ["sw"]})
    corpus = open_corpus(dataset.to_iterable_dataset() if streaming else dataset, "body", "lang")
    assert corpus.languages() == (SW,)
    assert texts(corpus) == ["habari"]


@pytest.mark.parametrize("kind", [DatasetDict, IterableDatasetDict])
def test_the_splits_of_a_dataset_are_refused_with_the_one_to_give(kind):
    dataset = Dataset.from_dict({"text": ["habari"], "language": ["sw"]})
    with pytest.raises(ConfigError) as caught:
        open_corpus(kind(train=dataset if kind is DatasetDict else dataset.to_iterable_dataset()))
    message = str(caught.value)
    assert (
        f"cannot be a {kind.__name__}, of which the splits are 'train'; give one of them, such as dataset['train']"
        in message
    )
    assert "a mapping of language to texts, such as {'train': dataset['train']['text']}" in message


@pytest.mark.parametrize("given", [{"habari"}, {"a": "habari"}, Dataset.from_dict({"text": ["habari"]})])
def test_a_language_whose_texts_are_in_no_order_or_no_texts_is_refused(given):
    with pytest.raises(ConfigError, match=r"The texts of Swahili \(swh_Latn\) are given as a .*, and a list"):
        open_corpus({"sw": given})


def test_the_text_column_reaches_folders_and_mappings_of_files(tmp_path):
    path = tmp_path / "sw.jsonl"
    path.write_text('{"text": "wrong", "body": "right"}\n', encoding="utf-8")
    assert texts(open_corpus(tmp_path, "body")) == texts(open_corpus({"sw": path}, "body")) == ["right"]


def test_any_object_with_the_three_methods_is_a_corpus():
    given = OwnCorpus()
    assert isinstance(given, Corpus)
    assert open_corpus(given) is given


@pytest.mark.parametrize("given", [None, 5, ["habari"], object()], ids=lambda given: type(given).__name__)
def test_anything_else_is_refused_with_what_may_be_given(given):
    with pytest.raises(ConfigError, match=f"corpus= cannot be of type {type(given).__name__}") as caught:
        open_corpus(given)
    allowed = ["'embedded'", "a folder", "a mapping of language to file or texts", "datasets.Dataset", "documents()"]
    assert [word for word in allowed if word not in str(caught.value)] == []


@pytest.mark.parametrize(("given", "found"), [
    ({"sw": "sw.txt", "en": ["one"]}, "sw: str, en: list"),
    ({"sw": ["moja"], "en": Path("en.txt")}, "sw: list, en: .*Path"),
    ({"sw": ["moja"], "en": 5}, "sw: list, en: int"),
    ({"Swahili": None}, "sw: NoneType"),
])  # fmt: skip
def test_a_mapping_that_mixes_files_and_texts_is_refused(given, found):
    with pytest.raises(ConfigError, match=f"must hold a file path for every language, or an iterable.*got {found}"):
        open_corpus(given)


@pytest.mark.parametrize(("given", "message"), [
    ({"sw": ["a"], "Swahilli": ["b"]}, "No language is called 'Swahilli'.*Did you mean 'Swahili'"),
    ({"sw": ["a"], "swh_Latn": ["b"]}, "'sw' and 'swh_Latn' are the same language.*name each language once"),
    ({"zh": "a.txt", "cmn_Hans": "b.txt"}, "'zh' and 'cmn_Hans' are the same language"),
    ({}, "list of languages is empty; name at least one"),
])  # fmt: skip
def test_a_mapping_with_bad_languages_is_refused(given, message):
    with pytest.raises(LanguageError, match=message):
        open_corpus(given)


def test_a_folder_that_is_not_there_is_refused():
    with pytest.raises(CorpusError, match="There is no folder embeded; corpus= takes a folder"):
        open_corpus("embeded")


def test_a_file_is_said_to_be_none_of_a_folder(tmp_path):
    (tmp_path / "en.txt").write_text("text\n")
    with pytest.raises(CorpusError, match=r"en\.txt is a file; corpus= takes a folder .*\{'en': '.*en\.txt'\}"):
        open_corpus(str(tmp_path / "en.txt"))


def test_a_mapped_file_that_is_not_there_is_refused_when_read(tmp_path):
    with pytest.raises(CorpusFileError, match=r"There is no file .*sw\.txt; check the path"):
        texts(open_corpus({"sw": tmp_path / "sw.txt"}))


def test_a_corpus_with_all_required_languages_passes():
    assert require_languages(open_corpus("embedded"), find_languages(["en", "sw", "zh"])) is None


def test_missing_languages_are_named_beside_those_there_are():
    corpus = open_corpus({"sw": ["moja"], "en": ["one"]})
    with pytest.raises(CorpusError) as caught:
        require_languages(corpus, find_languages(["en", "fr", "zh-Hant"]))
    message = str(caught.value)
    assert "The corpus (mapping) has no French (fra_Latn), Chinese (Traditional) (cmn_Hant)." in message
    assert "It has eng_Latn, swh_Latn." in message
    assert "Leave the language out, or give a corpus= that has it" in message


def test_a_dataset_whose_column_names_no_language_says_so():
    corpus = open_corpus(Dataset.from_dict({"text": ["moja"], "language": [7]}))
    with pytest.raises(CorpusError, match=r"The corpus \(dataset\) has no Swahili.*It has no language at all"):
        require_languages(corpus, [SW])


def test_required_languages_are_checked_before_any_text_is_read(tmp_path):
    corpus = open_corpus({"sw": tmp_path / "not_there.txt"})
    with pytest.raises(CorpusError, match=r"The corpus \(files\) has no English \(eng_Latn\)"):
        require_languages(corpus, [EN])


def test_another_script_is_another_language():
    with pytest.raises(CorpusError, match=r"has no Chinese \(Traditional\) \(cmn_Hant\). It has .*cmn_Hans"):
        require_languages(open_corpus("embedded"), [find_language("zh-Hant")])


def test_a_corpus_of_ones_own_must_name_languages_as_objects():
    class OfStrings:
        def languages(self):
            return ("en",)

        def documents(self, language):
            return iter(())

        def describe(self):
            return {"kind": "own"}

    with pytest.raises(CorpusError, match=r"gave 'en', a str; it must give Language objects"):
        require_languages(OfStrings(), find_languages(["en"]))
