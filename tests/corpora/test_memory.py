"""Texts in memory and `datasets` objects are corpora too."""

import pytest
from datasets import Dataset, IterableDataset

from optimum_multilingual.corpora.memory import DatasetCorpus, MappingCorpus
from optimum_multilingual.errors import CorpusError
from optimum_multilingual.languages import find_language

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


def test_a_mapping_gives_each_language_its_texts():
    corpus = MappingCorpus({SW: ["moja", "mbili"], EN: ("one",)})
    assert corpus.languages() == (SW, EN)
    assert (texts(corpus, SW), texts(corpus, EN)) == (["moja", "mbili"], ["one"])


@pytest.mark.parametrize(
    "one_shot", [lambda: (text for text in ["c", "a"]), lambda: iter(["c", "a"]), lambda: map(str, "ca")]
)
def test_what_can_be_read_only_once_is_streamed_twice(one_shot):
    corpus = MappingCorpus({SW: one_shot()})
    assert texts(corpus, SW) == texts(corpus, SW) == ["c", "a"]


def test_blank_texts_are_left_out_and_counted():
    documents = list(MappingCorpus({SW: ["moja", "", " \n", "mbili"]}).documents(SW))
    assert [(document.id, document.text) for document in documents] == [
        ("memory/swh_Latn/1", "moja"),
        ("memory/swh_Latn/4", "mbili"),
    ]


@pytest.mark.parametrize(
    ("text", "kind"), [(None, "NoneType"), (5, "int"), (b"mbili", "bytes"), ({"text": "a"}, "dict")]
)
def test_a_text_in_a_mapping_that_is_no_str_is_refused(text, kind):
    with pytest.raises(
        CorpusError, match=f"memory/swh_Latn/2 is of type {kind}; every text must be a string, or a list of messages"
    ):
        texts(MappingCorpus({SW: ["moja", text]}), SW)


def test_the_description_of_a_mapping_holds_no_text():
    assert MappingCorpus({SW: ["siri"]}).describe() == {"kind": "mapping", "languages": ["swh_Latn"]}


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
