"""A `datasets` object with a column of languages is a corpus; no more of it is read than is needed."""

import time

import pytest
from datasets import ClassLabel, Dataset, Image, IterableDataset

from optimum_multilingual.corpora import require_languages
from optimum_multilingual.corpora.dataset import DatasetCorpus
from optimum_multilingual.errors import CorpusError
from optimum_multilingual.languages import find_language, find_languages

SW, EN = find_language("sw"), find_language("en")

ROWS = [
    {"text": "moja", "language": "sw"},
    {"text": "one", "language": "English"},
    {"text": "mbili", "language": "swh_Latn"},
    {"text": "", "language": "sw"},
    {"text": "what", "language": "unsure"},
    {"text": "null", "language": None},
]

# The same rows as each kind of dataset; the last knows its columns only once it is read.
DATASETS = {
    "Dataset": Dataset.from_list,
    "IterableDataset": lambda rows: Dataset.from_list(rows).to_iterable_dataset(),
    "IterableDataset of a generator": lambda rows: IterableDataset.from_generator(lambda: iter(rows)),
}

of_each_kind = pytest.mark.parametrize("make", DATASETS.values(), ids=DATASETS)


def texts(corpus, language):
    return [document.text for document in corpus.documents(language)]


@of_each_kind
def test_a_dataset_gives_each_language_its_rows_however_they_name_it(make):
    corpus = DatasetCorpus(make(ROWS))
    assert corpus.languages() == (SW, EN)
    assert (texts(corpus, SW), texts(corpus, EN)) == (["moja", "mbili"], ["one"])


@of_each_kind
def test_a_dataset_gives_the_same_documents_every_time(make):
    corpus = DatasetCorpus(make(ROWS))
    assert list(corpus.documents(SW)) == list(corpus.documents(SW))
    assert [document.id for document in corpus.documents(SW)] == ["dataset/1", "dataset/3"]


@of_each_kind
def test_the_columns_of_a_dataset_may_have_other_names(make):
    corpus = DatasetCorpus(make([{"body": "moja", "lang": "sw"}]), text_column="body", language_column="lang")
    assert texts(corpus, SW) == ["moja"]


@of_each_kind
@pytest.mark.parametrize("missing", ["text", "language"])
def test_a_missing_column_of_a_dataset_is_refused(make, missing):
    row = {"text": "moja", "language": "sw", "id": 1}
    del row[missing]
    with pytest.raises(CorpusError, match=f"has no column '{missing}', only .*'id'.*text_column= and language_column="):
        texts(DatasetCorpus(make([row])), SW)


def test_a_dataset_that_knows_its_columns_is_refused_before_it_is_read():
    with pytest.raises(CorpusError, match="has no column 'language', only 'text'; name the right ones"):
        DatasetCorpus(Dataset.from_dict({"text": ["moja"]}))


@of_each_kind
def test_a_row_without_text_is_refused_by_its_number(make):
    rows = [ROWS[0], {"text": None, "language": "sw"}]
    with pytest.raises(CorpusError, match="Row 2 of the dataset has no 'text'; repair or remove that row"):
        texts(DatasetCorpus(make(rows)), SW)


@of_each_kind
def test_a_row_without_text_in_another_language_does_no_harm(make):
    assert texts(DatasetCorpus(make([*ROWS, {"text": None, "language": "fr"}])), EN) == ["one"]


@pytest.mark.parametrize("values", [[["sw"], ["en"]], [0, 1]], ids=["lists", "class numbers"])
def test_a_column_that_names_no_languages_holds_none(values):
    assert DatasetCorpus(Dataset.from_dict({"text": ["moja", "one"], "language": values})).languages() == ()


def test_the_description_of_a_dataset_holds_no_text():
    description = DatasetCorpus(Dataset.from_list(ROWS)).describe()
    assert description["kind"] == "dataset"
    assert set(description) == {"kind", "name", "version", "licence"}
    assert "moja" not in str(description)


@of_each_kind
def test_the_documents_of_a_language_that_no_row_has_are_none(make):
    assert texts(DatasetCorpus(make(ROWS)), find_language("fr")) == []


@pytest.mark.parametrize("streaming", [False, True])
def test_a_class_label_is_read_by_its_names(streaming):
    rows = [{"text": "moja", "language": 1}, {"text": "one", "language": 0}, {"text": "what", "language": -1}]
    labelled = Dataset.from_list(rows).cast_column("language", ClassLabel(names=["English", "sw"]))
    corpus = DatasetCorpus(labelled.to_iterable_dataset() if streaming else labelled)
    assert corpus.languages() == (SW, EN)
    assert (texts(corpus, SW), texts(corpus, EN)) == (["moja"], ["one"])


@of_each_kind
def test_chinese_characters_are_those_the_language_is_usually_written_in(make):
    rows = [
        {"text": "一", "language": "cmn_Hani"},
        {"text": "二", "language": "zh-Hant"},
        {"text": "三", "language": "zh"},
    ]
    corpus = DatasetCorpus(make(rows))
    assert corpus.languages() == tuple(find_languages(["zh", "zh-Hant"]))
    assert texts(corpus, find_language("zh")) == ["一", "三"]


def test_a_transform_may_make_the_columns():
    dataset = Dataset.from_list([{"text": "1", "language": "sw"}, {"text": "2", "language": "en"}])
    dataset.set_transform(lambda batch: {**batch, "text": [f"{text} {len(batch)}" for text in batch["text"]]})
    assert texts(DatasetCorpus(dataset), EN) == ["2 2"]


def test_no_other_column_of_a_table_is_read():
    rows = [{**row, "picture": b"that cannot be shown"} for row in ROWS]
    corpus = DatasetCorpus(Dataset.from_list(rows).cast_column("picture", Image()))
    assert corpus.languages() == (SW, EN)
    assert texts(corpus, SW) == ["moja", "mbili"]


@of_each_kind
def test_a_label_that_names_no_language_is_looked_up_once(make):
    corpus = DatasetCorpus(make([{"text": "moja", "language": "not known"}] * 3000))
    started = time.perf_counter()
    assert corpus.languages() == () and texts(corpus, SW) == []
    assert time.perf_counter() - started < 1  # Looked up in each row, it takes three seconds.


def test_a_stream_is_read_no_further_than_to_the_languages_asked_for():
    read = []

    def rows():
        for number in range(900):
            read.append(number)
            yield {"text": f"text {number}", "language": ("en", "sw", "unknown")[number % 3]}

    corpus = DatasetCorpus(IterableDataset.from_generator(rows))
    require_languages(corpus, [EN, SW])
    require_languages(corpus, [SW])
    assert len(read) == 2
    with pytest.raises(CorpusError, match=r"has no French \(fra_Latn\). It has eng_Latn, swh_Latn"):
        require_languages(corpus, find_languages(["en", "fr"]))
    assert len(read) == 902  # Once to the end, and not again for what it has.
    assert corpus.languages() == (EN, SW) and len(read) == 902
