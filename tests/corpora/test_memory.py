"""Texts in memory are a corpus too."""

import pytest
from datasets import Dataset

from optimum_multilingual.corpora.memory import MappingCorpus
from optimum_multilingual.errors import ConfigError, CorpusError
from optimum_multilingual.languages import find_language

SW, EN = find_language("sw"), find_language("en")


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


@pytest.mark.parametrize("kind", [set, frozenset])
def test_texts_without_an_order_are_refused(kind):
    with pytest.raises(ConfigError) as caught:
        MappingCorpus({SW: kind(["moja", "mbili"])})
    assert f"The texts of Swahili (swh_Latn) are given as a {kind.__name__}, and a list" in str(caught.value)
    assert "a set has another order in every process, so give {'sw': sorted(texts)}" in str(caught.value)


def test_a_mapping_is_not_read_by_its_keys():
    with pytest.raises(ConfigError, match=r"given as a dict.* only the keys would be read, so give \{'sw': list"):
        MappingCorpus({SW: {"a": "moja"}})
    by_name = {"a": "moja", "b": "mbili"}
    assert texts(MappingCorpus({SW: by_name.values()}), SW) == ["moja", "mbili"]
    assert texts(MappingCorpus({SW: by_name.keys()}), SW) == ["a", "b"]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_dataset_for_a_language_is_refused_with_its_column(streaming):
    dataset = Dataset.from_dict({"text": ["moja", "mbili"]})
    dataset = dataset.to_iterable_dataset() if streaming else dataset
    with pytest.raises(ConfigError, match=r"given as a \w*Dataset.* such as \{'sw': dataset\['text'\]\}"):
        MappingCorpus({SW: dataset})
    corpus = MappingCorpus({SW: dataset["text"]})
    assert texts(corpus, SW) == texts(corpus, SW) == ["moja", "mbili"]
