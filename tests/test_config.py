"""A config that cannot work is refused at once; one that can is written as JSON and read back."""

import pytest
from transformers import GPTQConfig

from optimum_multilingual.config import EvaluationConfig, MultilingualCalibrationConfig
from optimum_multilingual.errors import ConfigError, LanguageError
from optimum_multilingual.languages import find_language, find_languages
from optimum_multilingual.presets import find_preset

TWO = ["en", "sw"]

# What was given, and what the message says of it.
REFUSED = [
    ({"method": 4}, ["method", "'gptq'", "GPTQConfig(bits=4)", "got int"]),
    ({"method": GPTQConfig}, ["method", "GPTQConfig(bits=4)", "got type"]),
    ({"num_rows": 0}, ["num_rows must be a whole number of at least 1", "got 0"]),
    ({"num_rows": 8.0}, ["num_rows must be a whole number of at least 1", "got 8.0"]),
    ({"num_rows": True}, ["num_rows must be a whole number", "got True"]),
    ({"num_rows": "8"}, ["num_rows must be a whole number", "got '8'"]),
    ({"num_rows": 1}, ["num_rows=1", "2 languages", "give at least 2 rows, or fewer languages"]),
    ({"tokens_per_language": 0}, ["tokens_per_language must be a whole number of at least 1", "got 0"]),
    ({"tokens_per_language": -5}, ["tokens_per_language must be a whole number of at least 1", "got -5"]),
    ({"sequence_length": 15}, ["sequence_length must be a whole number of at least 16", "got 15"]),
    (
        {"sequence_length": None, "num_rows": 8, "tokens_per_language": 64},
        ["num_rows and tokens_per_language", "one of"],
    ),
    ({"tokens_per_language": 64, "mixture": "proportional"}, ["tokens_per_language means the same", "give num_rows"]),
    ({"tokens_per_language": 64, "mixture": {"en": 1, "sw": 2}}, ["tokens_per_language means", "give num_rows"]),
    (
        {"mixture": "unifrom"},
        ["mixture must be one of ('uniform', 'proportional', 'minimax')", "mapping", "got 'unifrom'"],
    ),
    ({"mixture": ["uniform"]}, ["mixture must be one of", "got ['uniform']"]),
    ({"mixture": None}, ["mixture must be one of", "got None"]),
    ({"mixture": {"en": 1}}, ["weights for eng_Latn;", "eng_Latn, swh_Latn", "Both must name the same languages"]),
    ({"mixture": {"en": 1, "fr": 1}}, ["eng_Latn, fra_Latn", "eng_Latn, swh_Latn", "name the same languages"]),
    ({"mixture": {"en": 1, "sw": 0}}, ["The weight of sw must be a number above 0", "got 0"]),
    ({"mixture": {"en": 1, "sw": -1.5}}, ["The weight of sw must be a number above 0", "got -1.5"]),
    ({"mixture": {"en": float("inf"), "sw": 1}}, ["The weight of en must be a number above 0", "got inf"]),
    ({"mixture": {"en": float("nan"), "sw": 1}}, ["The weight of en must be a number above 0", "got nan"]),
    ({"mixture": {"eu-24": 1}}, ["No language is called 'eu-24'", "it is the name of a list of languages"]),
    ({"mixture": {"en": "2", "sw": 1}}, ["The weight of en must be a number above 0", "got '2'"]),
    ({"mixture": "proportional", "temperature": 0}, ["temperature must be a number above 0", "got 0"]),
    ({"mixture": "proportional", "temperature": "5"}, ["temperature must be a number above 0", "got '5'"]),
    ({"mixture": "proportional", "temperature": float("nan")}, ["temperature must be a number above 0", "got nan"]),
    ({"temperature": 3.0}, ["temperature", "only with mixture='proportional'"]),
    ({"temperature": 3.0, "mixture": {"en": 1, "sw": 2}}, ["temperature", "only with mixture='proportional'"]),
    ({"mixture": "minimax"}, ["A minimax mixture divides a fixed number of rows", "give num_rows"]),
    ({"mixture": "minimax", "total_tokens": 4096}, ["give num_rows, and no other size"]),
    ({"mixture": "minimax", "num_rows": 4, "languages": ["en"]}, ["two or more languages, got 1"]),
    ({"mixture": "minimax", "num_rows": 4, "evaluation": None}, ["are measured", "give an evaluation"]),
    ({"mixture": "minimax", "num_rows": 4, "evaluation": {"languages": ["fr"]}}, ["without languages of its own"]),
    ({"mixture": "minimax", "num_rows": 4, "search_steps": 1}, ["search_steps must be a whole number of at least 2"]),
    ({"search_steps": 3}, ["search_steps", "only with mixture='minimax'"]),
    ({"document_separator": "\n"}, ["document_separator must be one of ('newline', 'eos')", r"got '\n'"]),
    ({"evaluation": True}, ["evaluation must be an EvaluationConfig", "None to leave the measuring out", "got True"]),
    ({"evaluation": 50_000}, ["evaluation must be an EvaluationConfig", "mapping", "got 50000"]),
    ({"evaluation": {"tokens": 5}}, ["EvaluationConfig has no setting 'tokens'", "tokens_per_language"]),
    ({"evaluation": {"confidence": 2}}, ["evaluation.confidence must be between 0 and 1", "got 2"]),
]

EVALUATION_REFUSED = [
    ({"reference_memory": "1TB"}, ["evaluation.reference_memory must be a number of bytes", "'4GB'", "got '1TB'"]),
    ({"reference_memory": "1.2.3GB"}, ["evaluation.reference_memory must be"]),
    ({"collapse_threshold": 0}, ["evaluation.collapse_threshold must be a number of nats above 0", "got 0"]),
    ({"seed": -1}, ["evaluation.seed must be a whole number of at least 0", "got -1"]),
    ({"tokens_per_language": 0}, ["evaluation.tokens_per_language must be a whole number of at least 1", "got 0"]),
    ({"batch_tokens": 0.5}, ["evaluation.batch_tokens must be a whole number of at least 1", "got 0.5"]),
    ({"bootstrap_draws": 99}, ["evaluation.bootstrap_draws must be a whole number of at least 100", "got 99"]),
    ({"sequence_length": 8}, ["evaluation.sequence_length must be a whole number of at least 16", "got 8"]),
    ({"confidence": 0}, ["evaluation.confidence must be between 0 and 1", "such as 0.95", "got 0"]),
    ({"confidence": 1.0}, ["evaluation.confidence must be between 0 and 1", "got 1.0"]),
    ({"confidence": 95}, ["evaluation.confidence must be between 0 and 1", "got 95"]),
    ({"confidence": "0.95"}, ["evaluation.confidence must be between 0 and 1", "got '0.95'"]),
    ({"confidence": float("nan")}, ["evaluation.confidence must be between 0 and 1", "got nan"]),
]

BAD_LANGUAGES_TO_EVALUATE = {
    "misspelt": (["en", "Swahilli"], ["No language is called 'Swahilli'", "Did you mean 'Swahili'"]),
    "a misspelt preset": ("eu24", ["the name of a preset, got 'eu24'", "Did you mean 'eu-24'", "salamandra-35"]),
    "a group": (["en", "cel"], ["'cel' is a group of languages (Celtic languages)"]),
    "twice": (["sw", "swh_Latn"], ["'sw' and 'swh_Latn' are the same language", "name each language once"]),
    "twice after others": (["en", "zh", "cmn_Hans"], ["'zh' and 'cmn_Hans' are the same language", "once"]),
    "undetermined": (["en", "und"], ["No language is called 'und'", "Write a code"]),
    "a string": ("en", ["must be a list such as ['en', 'sw']", "got 'en'"]),
    "a set": ({"en", "sw"}, ["must be a list such as ['en', 'sw']", "got a set", "write [...] around the names"]),
    "a generator": ((name for name in TWO), ["must be a list such as ['en', 'sw']", "got a generator"]),
}
BAD_LANGUAGES = {
    **BAD_LANGUAGES_TO_EVALUATE,
    "none": ([], ["list of languages is empty", "name at least one"]),
    "None": (None, ["must be a list such as ['en', 'sw']", "got a NoneType"]),
}


def assert_says(error, words):
    assert [word for word in words if word not in str(error.value)] == []


@pytest.mark.parametrize(("settings", "words"), REFUSED, ids=[str(each) for each, _ in REFUSED])
def test_a_setting_that_cannot_work_is_refused(settings, words):
    with pytest.raises(ConfigError) as caught:
        MultilingualCalibrationConfig(**{"languages": TWO, **settings})
    assert_says(caught, words)


@pytest.mark.parametrize(("settings", "words"), EVALUATION_REFUSED, ids=[str(each) for each, _ in EVALUATION_REFUSED])
def test_an_evaluation_setting_that_cannot_work_is_refused(settings, words):
    with pytest.raises(ConfigError) as caught:
        EvaluationConfig(**settings)
    assert_says(caught, words)


@pytest.mark.parametrize(("languages", "words"), BAD_LANGUAGES.values(), ids=BAD_LANGUAGES)
def test_languages_that_cannot_work_are_refused(languages, words):
    with pytest.raises(LanguageError) as caught:
        MultilingualCalibrationConfig(languages=languages)
    assert_says(caught, words)


def test_a_preset_is_written_out_at_once():
    config = MultilingualCalibrationConfig(languages="eu-24", evaluation=EvaluationConfig(languages="flores-high"))
    assert len(config.resolved_languages) == len(config.languages) == 24
    assert len(config.evaluation.resolved_languages) == 26


def test_languages_of_a_preset_can_have_weights():
    config = MultilingualCalibrationConfig(
        languages="beyond-english-10", mixture=dict.fromkeys(find_preset("beyond-english-10").languages, 2)
    )
    assert set(config.weights.values()) == {2.0}


def test_auto_has_no_languages_before_there_is_a_model():
    config = MultilingualCalibrationConfig(languages="auto")
    assert config.languages == ("auto",)
    with pytest.raises(LanguageError, match=r"'auto'.*name of a list of languages"):
        config.resolved_languages  # noqa: B018


@pytest.mark.parametrize(("languages", "words"), BAD_LANGUAGES_TO_EVALUATE.values(), ids=BAD_LANGUAGES_TO_EVALUATE)
def test_languages_to_evaluate_that_cannot_work_are_refused(languages, words):
    with pytest.raises(LanguageError) as caught:
        EvaluationConfig(languages=languages)
    assert_says(caught, words)


@pytest.mark.parametrize("name", ["bits", "group_size"])
def test_a_setting_of_the_method_beside_an_upstream_config_is_refused(name):
    with pytest.raises(ConfigError, match=f"{name}=8 was given beside a GPTQConfig.*so set {name} in it"):
        MultilingualCalibrationConfig(GPTQConfig(bits=4), languages=TWO, **{name: 8})


def test_a_config_error_can_be_caught_as_a_value_error():
    with pytest.raises(ValueError, match="mixture"):
        MultilingualCalibrationConfig(languages=TWO, mixture="all")


@pytest.mark.parametrize("rows", [2, 3, 128])
def test_one_row_for_each_language_is_enough(rows):
    assert MultilingualCalibrationConfig(languages=TWO, num_rows=rows).num_rows == rows


def test_languages_are_resolved_in_order():
    config = MultilingualCalibrationConfig(languages=["zh", find_language("sw"), "English"])
    assert [language.tag for language in config.resolved_languages] == ["cmn_Hans", "swh_Latn", "eng_Latn"]


def test_languages_to_evaluate_are_resolved_apart_from_those_to_calibrate():
    config = MultilingualCalibrationConfig(languages=["en"], evaluation=EvaluationConfig(languages=["Swahili", "zh"]))
    assert config.evaluation.resolved_languages == find_languages(["sw", "zh"])
    assert EvaluationConfig().resolved_languages == ()


def test_languages_may_be_left_out_beside_a_calibration_set():
    assert MultilingualCalibrationConfig(calibration_set="saved/set").resolved_languages == ()


@pytest.mark.parametrize(
    "settings",
    [
        {"num_rows": 3},
        {"sequence_length": 64},
        {"mixture": "proportional"},
        {"total_tokens": 4096},
        {"document_separator": "eos"},
        {"seed": 7},
    ],
    ids=str,
)
def test_sizes_shares_separator_and_seed_of_a_set_that_is_built_already_are_refused(settings):
    with pytest.raises(ConfigError, match=f"{next(iter(settings))} cannot change it.*leave calibration_set out"):
        MultilingualCalibrationConfig(calibration_set="saved/set", **settings)


def test_a_config_does_not_change():
    with pytest.raises(AttributeError):
        MultilingualCalibrationConfig(languages=TWO).seed = 3
    with pytest.raises(AttributeError):
        EvaluationConfig().seed = 3


def test_a_seed_that_is_no_whole_number_is_refused():
    with pytest.raises(ConfigError, match="seed must be a whole number of at least 0, got 'now'"):
        MultilingualCalibrationConfig(languages=TWO, seed="now")


def test_weights_are_found_under_other_names_of_the_languages():
    config = MultilingualCalibrationConfig(languages=TWO, mixture={"Swahili": 3, "eng_Latn": 1})
    assert config.weights == {find_language("sw"): 3.0, find_language("en"): 1.0}


@pytest.mark.parametrize("mixture", ["uniform", "proportional"])
def test_a_named_mixture_has_no_explicit_weights(mixture):
    assert MultilingualCalibrationConfig(languages=TWO, mixture=mixture).weights is None


def test_two_weights_for_one_language_are_refused():
    with pytest.raises(LanguageError, match="'sw' and 'Swahili' are the same language"):
        MultilingualCalibrationConfig(languages=TWO, mixture={"sw": 3, "Swahili": 1})


def test_evaluation_settings_may_be_given_as_a_mapping():
    config = MultilingualCalibrationConfig(languages=TWO, evaluation={"bootstrap_draws": 500})
    assert config.evaluation == EvaluationConfig(bootstrap_draws=500)


def test_two_configs_share_no_evaluation_settings():
    first, second = (MultilingualCalibrationConfig(languages=TWO) for _ in range(2))
    assert first.evaluation == second.evaluation
    assert first.evaluation is not second.evaluation
