"""The size of a set can be given in five ways."""

import pytest

from optimum_multilingual import MultilingualCalibrationConfig, build_calibration_set
from optimum_multilingual.errors import ConfigError, CorpusExhaustedError

LANGUAGES = ["en", "sw", "hi"]


def rows_of(tokenizer, **settings):
    config = MultilingualCalibrationConfig(languages=LANGUAGES, sequence_length=64, cache=False, **settings)
    return build_calibration_set(config, tokenizer).rows_of_languages()


def test_total_tokens_are_rounded_down_to_whole_rows(tokenizer):
    assert rows_of(tokenizer, total_tokens=64 * 7 + 63) == {"eng_Latn": 3, "swh_Latn": 2, "hin_Deva": 2}


@pytest.mark.parametrize("unit", ["bytes_per_language", "characters_per_language"])
def test_a_size_in_text_gives_every_language_as_much_text_in_as_many_rows_as_it_takes(tokenizer, unit):
    rows = rows_of(tokenizer, **{unit: 6000})
    assert rows["swh_Latn"] != rows["eng_Latn"], "the tokenizer cuts the two differently"


def test_a_size_in_bytes_holds_about_that_many_bytes(tokenizer):
    config = MultilingualCalibrationConfig(
        languages=LANGUAGES, sequence_length=64, bytes_per_language=6000, cache=False
    )
    built = build_calibration_set(config, tokenizer)
    for language in built.languages:
        text = "".join(tokenizer.decode(row.input_ids[1:]) for row in built if row.language == language)
        assert 6000 * 0.9 < len(text.encode()) < 6000 * 1.1


def test_too_little_text_says_how_many_bytes_there_are(tokenizer):
    with pytest.raises(CorpusExhaustedError, match=r"English .* bytes found, 9,000,000 needed"):
        rows_of(tokenizer, bytes_per_language=9_000_000)


def test_two_sizes_are_refused():
    with pytest.raises(ConfigError, match="num_rows and bytes_per_language all say how large the set is"):
        MultilingualCalibrationConfig(languages=["en"], num_rows=4, bytes_per_language=100)


@pytest.mark.parametrize("unit", ["tokens_per_language", "bytes_per_language", "characters_per_language"])
def test_a_size_for_each_language_needs_a_uniform_mixture(unit):
    with pytest.raises(ConfigError, match=f"{unit} means the same for every language"):
        MultilingualCalibrationConfig(languages=["en"], mixture="proportional", **{unit: 100})


def test_total_tokens_below_one_row_for_each_language_are_refused(tokenizer):
    with pytest.raises(ConfigError, match=r"total_tokens=128 is 2 rows of 64 tokens.*3 languages; give at least 192"):
        rows_of(tokenizer, total_tokens=64 * 2)
