"""languages="auto" takes the languages of the model's card, and says why where it cannot."""

import pytest

from optimum_multilingual.config import EvaluationConfig, MultilingualCalibrationConfig
from optimum_multilingual.errors import ConfigError, LanguageError
from optimum_multilingual.hub.card_languages import card_languages, with_card_languages
from optimum_multilingual.presets import find_preset

SALAMANDRA = find_preset("salamandra-35").languages

# Front matter, and the languages it lists.
READ = {
    "language: [en, sw]": ("en", "sw"),
    "language:\n- en\n- sw\nlicense: mit": ("en", "sw"),
    "language: Swahili": ("Swahili",),
    "language:\n- en\n- code\n- math": ("en",),
    "language:\n- multilingual\n- en": ("en",),
    "language:\n- da\n- no\n- sv": ("da", "no", "sv"),
    "language:\n- nn\n- \\no": ("nn", "no"),
    "language:\n- en\n- eng\n- English": ("en",),
    "language:\n- zh\n- zh-Hant": ("zh", "zh-Hant"),
    "language: &all\n- " + "\n- ".join(["code", *SALAMANDRA]): SALAMANDRA,
}

# Front matter that "auto" cannot use, and what the message says of it.
REFUSED = {
    "license: mit": ["has no `language:` list in its front matter"],
    "language: []": ["lists no single language under `language:`"],
    "language:\n- code\n- multilingual": ["lists no single language"],
    "language: [en, klingonese]": ["lists 'klingonese' as a language", "No language is called 'klingonese'"],
    "language: [roa]": ["lists 'roa' as a language", "is a group of languages (Romance languages)"],
    "language: [aaa]": ["lists 'aaa' as a language", "in which script it is written"],
    "language: [en": ["has front matter that cannot be read"],
    "- en\n- sw": ["has front matter that cannot be read"],
}


@pytest.fixture
def model(tmp_path):
    """Writes the card of a model and gives the model's folder."""

    def write(front_matter):
        (tmp_path / "README.md").write_text(f"---\n{front_matter}\n---\n\n# A model: ɛ ʼ 中\n", encoding="utf-8")
        return tmp_path

    return write


def config_of(languages, **settings):
    return MultilingualCalibrationConfig(languages=languages, **settings)


@pytest.mark.parametrize(("front_matter", "languages"), READ.items())
def test_the_languages_of_a_card_are_read(model, front_matter, languages):
    assert card_languages(model(front_matter)) == languages


@pytest.mark.parametrize(("front_matter", "words"), REFUSED.items())
def test_a_card_without_usable_languages_is_refused(model, front_matter, words):
    folder = model(front_matter)
    with pytest.raises(LanguageError) as caught:
        card_languages(folder)
    message = str(caught.value)
    assert f"languages='auto' takes the languages from the model's card, and the card of {folder}" in message
    assert [word for word in (*words, "Name the languages, for example", "--presets") if word not in message] == []


def test_a_model_without_a_card_is_refused(tmp_path):
    with pytest.raises(LanguageError, match=r"does not exist: the folder has no README\.md.*Name the languages"):
        card_languages(tmp_path)


def test_a_card_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "README.md").write_bytes(b"---\nlanguage: en\n---\n\xff\xfe")
    with pytest.raises(LanguageError, match="cannot be read"):
        card_languages(tmp_path)


@pytest.mark.parametrize("name", ["no/such folder", "a/b/c"])
def test_a_name_that_is_neither_folder_nor_repository_is_refused(name):
    with pytest.raises(LanguageError, match=r"could not be had from the Hub \(\w+: .*Name the languages"):
        card_languages(name)


def test_a_hub_that_cannot_be_reached_is_an_error_that_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(LanguageError, match=r"card of me/model could not be had from the Hub.*Name the languages"):
        card_languages("me/model")


def test_a_card_in_the_cache_is_read_without_the_hub(monkeypatch, tmp_path):
    commit = "0123456789abcdef0123456789abcdef01234567"
    folder = tmp_path / "models--me--model" / "snapshots" / commit
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("---\nlanguage: [en, sw]\n---\n")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert card_languages("me/model", commit) == ("en", "sw")


def test_a_configuration_without_auto_needs_no_card(tmp_path):
    config = config_of(["en", "sw"])
    assert with_card_languages(config, tmp_path) is config


def test_auto_is_filled_in_and_the_rest_stays(model):
    config = config_of("auto", num_rows=8, seed=3, evaluation=EvaluationConfig(languages=["sw"], seed=5))
    filled = with_card_languages(config, model("language: [en, sw, zh]"))
    assert filled == config_of(["en", "sw", "zh"], num_rows=8, seed=3, evaluation=config.evaluation)
    assert config.languages == ("auto",)


def test_auto_stands_among_others_in_its_place(model):
    filled = with_card_languages(config_of(["fr", "auto", "Swahili", "code"]), model("language: [en, sw, zh]"))
    assert filled.languages == ("fr", "en", "zh", "Swahili", "code")


def test_auto_may_be_what_is_evaluated(model):
    config = config_of(["en"], evaluation=EvaluationConfig(languages="auto"))
    filled = with_card_languages(config, model("language: [en, sw]"))
    assert (filled.languages, filled.evaluation.languages) == (("en",), ("en", "sw"))


def test_auto_is_filled_in_beside_a_calibration_set(model):
    config = MultilingualCalibrationConfig(calibration_set="set", evaluation=EvaluationConfig(languages="auto"))
    filled = with_card_languages(config, model("language: [en, sw]"))
    assert (filled.languages, filled.evaluation.languages) == ((), ("en", "sw"))


def test_what_could_not_be_checked_before_is_checked_now(model):
    folder = model("language: [en, sw]")
    with pytest.raises(ConfigError, match=r"num_rows=1 is less than one row for each of 2 languages"):
        with_card_languages(config_of("auto", num_rows=1), folder)
    with pytest.raises(ConfigError, match="mixture has weights for eng_Latn; languages are eng_Latn, swh_Latn"):
        with_card_languages(config_of("auto", mixture={"en": 1}), folder)
    assert with_card_languages(config_of("auto", mixture={"sw": 1, "en": 2}), folder).weights
