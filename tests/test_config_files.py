"""A config as plain values: written, read back, copied."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import GPTQConfig

from optimum_multilingual.config import EvaluationConfig, MultilingualCalibrationConfig
from optimum_multilingual.errors import ConfigError
from optimum_multilingual.languages import find_language

TWO = ["en", "sw"]

WRITABLE = {
    "defaults": {"languages": TWO},
    "every setting": {
        "method": "gptq",
        "bits": 8,
        "group_size": 64,
        "languages": ["English", "swh_Latn", "zh-Hant"],
        "corpus": "my_texts",
        "text_column": "content",
        "language_column": "lang",
        "mixture": "proportional",
        "temperature": 3.3,
        "num_rows": 96,
        "sequence_length": 1024,
        "document_separator": "eos",
        "seed": 7,
        "tokenizer": "path/or/name",
        "evaluation": EvaluationConfig(
            languages=["sw"], corpus="held_out", tokens_per_language=100, sequence_length=64, confidence=0.9, seed=3
        ),
    },
    "no evaluation": {"languages": TWO, "evaluation": None},
    "a preset": {"languages": "eu-24", "evaluation": EvaluationConfig(languages=["beyond-english-10", "code"])},
    "auto": {"languages": ["auto", "math"], "evaluation": EvaluationConfig(languages="auto")},
    "weights": {"languages": TWO, "mixture": {"en": 1, "Swahili": 2.5}},
    "a search": {"languages": TWO, "mixture": "minimax", "num_rows": 8, "search_steps": 5},
    "files": {"languages": TWO, "corpus": {"en": "a.txt", "sw": "b.jsonl.gz"}},
    "a calibration set": {"languages": [], "calibration_set": "saved/set"},
    "tokens": {"languages": TWO, "tokens_per_language": 4096},
}


def as_stored(config):
    """The config after a way through a JSON file."""
    return MultilingualCalibrationConfig.from_dict(json.loads(json.dumps(config.to_dict())))


@pytest.mark.parametrize("settings", WRITABLE.values(), ids=WRITABLE)
def test_a_config_is_read_back_as_it_was_written(settings):
    config = MultilingualCalibrationConfig(**settings)
    assert as_stored(config) == config


@given(
    languages=st.lists(st.sampled_from(["en", "Swahili", "zh", "zh-Hant", "fra_Latn", "ar"]), min_size=1, unique=True),
    mixture=st.sampled_from(["uniform", "proportional"]),
    num_rows=st.none() | st.integers(6, 10_000),
    sequence_length=st.none() | st.integers(16, 10**6),
    seed=st.integers(0, 2**64),
    evaluation=st.none() | st.builds(EvaluationConfig, confidence=st.floats(0.01, 0.99), seed=st.integers(0, 9)),
)
def test_any_config_is_read_back_as_it_was_written(**settings):
    config = MultilingualCalibrationConfig(**settings)
    assert as_stored(config) == config


def test_objects_are_written_as_plain_values_that_mean_the_same():
    sw, zh = find_language("sw"), find_language("zh")
    settings = {"languages": (sw, zh), "mixture": {sw: 1, zh: 2}, "corpus": {sw: Path("a.txt"), zh: Path("b.txt")}}
    config = MultilingualCalibrationConfig(**settings)
    again = as_stored(config)
    assert again.to_dict() == config.to_dict()
    assert again.languages == ("swh_Latn", "cmn_Hans")
    assert again.weights == config.weights
    assert again.corpus == {"swh_Latn": "a.txt", "cmn_Hans": "b.txt"}


@pytest.mark.parametrize(
    "upstream", [{"bits": 4}, {"bits": 8, "group_size": 32, "desc_act": True, "damp_percent": 0.05}]
)
def test_an_upstream_config_is_read_back_as_it_was_written(upstream):
    config = MultilingualCalibrationConfig(GPTQConfig(**upstream), languages=TWO)
    again = as_stored(config)
    assert isinstance(again.method, GPTQConfig)
    assert {name: getattr(again.method, name) for name in upstream} == upstream
    assert again.to_dict() == config.to_dict()


def test_the_written_config_names_the_quantizer_transformers_looks_for():
    config = MultilingualCalibrationConfig(languages=TWO)
    assert config.to_dict()["quant_method"] == config.quant_method == "multilingual"


def test_an_unknown_key_is_refused_with_those_there_are():
    with pytest.raises(
        ConfigError, match=r"MultilingualCalibrationConfig has no setting 'language'; it has.*languages"
    ):
        MultilingualCalibrationConfig.from_dict({"language": TWO})


IN_MEMORY = {
    "corpus": {"corpus": {"en": ["one"], "sw": ["moja"]}},
    "tokenizer": {"tokenizer": object()},
    "calibration_set": {"calibration_set": object()},
    "evaluation corpus": {"evaluation": EvaluationConfig(corpus={"en": iter(["one"]), "sw": iter(["moja"])})},
}


@pytest.mark.parametrize("settings", IN_MEMORY.values(), ids=IN_MEMORY)
def test_an_object_in_memory_can_be_written_but_not_read_back(settings):
    config = MultilingualCalibrationConfig(languages=TWO, **settings)
    with pytest.raises(ConfigError, match=r"was a (dict|object) in memory, which cannot be read back; give it again"):
        as_stored(config)


def test_no_text_is_written_into_the_config():
    corpus = {"en": ["a private text"], "sw": ["siri"]}
    config = MultilingualCalibrationConfig(languages=TWO, corpus=corpus, evaluation=EvaluationConfig(corpus=corpus))
    assert "private" not in json.dumps(config.to_dict())


def test_a_deep_copy_keeps_generators_alive():
    def generator():
        yield from ["one", "two"]

    evaluation = EvaluationConfig(corpus={"en": generator()})
    copied = copy.deepcopy(
        MultilingualCalibrationConfig(languages=["en"], corpus={"en": generator()}, evaluation=evaluation)
    )
    assert list(copied.corpus["en"]) == ["one", "two"]
    assert list(copied.evaluation.corpus["en"]) == ["one", "two"]


def test_writing_a_config_reads_nothing_from_its_generators():
    texts = iter(["one", "two"])
    config = MultilingualCalibrationConfig(languages=["en"], corpus={"en": texts})
    config.to_dict()
    assert list(texts) == ["one", "two"]
