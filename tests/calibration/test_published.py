"""Settings of published studies are ordinary configurations."""

import pytest

from optimum_multilingual import MultilingualCalibrationConfig
from optimum_multilingual.calibration.published import published_names, published_setting
from optimum_multilingual.errors import ConfigError


@pytest.mark.parametrize("name", [n for n in published_names() if "code" not in n and "one-language" not in n])
def test_every_setting_makes_a_configuration(name):
    config = MultilingualCalibrationConfig("gptq", bits=4, **published_setting(name))
    assert config.sequence_length == 2048 and config.num_rows >= 32


def test_the_paper_on_more_than_english_has_its_eight_settings():
    names = [name for name in published_names() if name.startswith("beyond-english/")]
    assert len(names) == 8
    assert len(published_setting("beyond-english/multi10")["languages"]) == 10


def test_a_setting_of_one_language_takes_the_users_own():
    config = MultilingualCalibrationConfig(languages=["yo"], **published_setting("outliers/one-language"))
    assert config.num_rows * config.sequence_length == 32 * 2048


def test_shares_in_proportion_to_pre_training_sum_to_the_rows():
    setting = published_setting("brain-surgeon/bloom")
    assert sum(setting["mixture"].values()) == setting["num_rows"]


@pytest.mark.parametrize("name", ["beyond-english/multi11", "multi10", "", "nothing/at all"])
def test_an_unknown_name_lists_what_there_is(name):
    with pytest.raises(ConfigError, match=r"no published setting .*beyond-english/multi10"):
        published_setting(name)
