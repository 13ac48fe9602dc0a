"""Lists of languages with a name: what they hold, and what stands in their place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimum_multilingual.errors import LanguageError
from optimum_multilingual.languages import Language, find_language, find_languages
from optimum_multilingual.presets import AUTO, find_preset, preset_names, presets, write_out

SIZES = {
    "beyond-english-10": 10,
    "beyond-english-10-code-math": 12,
    "salamandra-35": 35,
    "eu-24": 24,
    "flores-high": 26,
    "flores-mid": 27,
    "flores-low": 160,
}

TEN = ("en", "fr", "sw", "zh", "xh", "st", "zu", "yo", "ig", "ha")

WRITTEN_OUT = [
    ("beyond-english-10", TEN),
    (["beyond-english-10"], TEN),
    (["beyond-english-10", "code", "math"], (*TEN, "code", "math")),
    (["de", "beyond-english-10"], ("de", *TEN)),
    (["beyond-english-10", "Swahili"], (*(code for code in TEN if code != "sw"), "Swahili")),
    (["beyond-english-10", "beyond-english-10-code-math"], (*TEN, "code", "math")),
    ("auto", ("auto",)),
    (["auto", "code"], ("auto", "code")),
    (["auto", "auto"], ("auto",)),
    ((Language("swh", "Latn"),), (Language("swh", "Latn"),)),
]

REFUSED = {
    "an unknown preset": ("eu24", ["or the name of a preset, got 'eu24'", "Did you mean 'eu-24'?", "Presets are"]),
    "a language": ("en", ["must be a list such as ['en', 'sw']", "got 'en'", "Write [...] around"]),
    "names in a string": ("en,sw", ["must be a list such as ['en', 'sw']", "got 'en,sw'", "flores-low and auto"]),
    "empty": ([], ["list of languages is empty", "name at least one"]),
    "None": (None, ["must be a list", "got a NoneType", "or give the name of a preset"]),
    "a set": ({"en"}, ["must be a list", "got a set", "write [...] around the names"]),
    "a misspelt preset in a list": (["beyond-english"], ["No language", "Did you mean 'beyond-english-10'"]),
    "one language twice": (["eu-24", "sw", "swh"], ["'sw' and 'swh' are the same language", "name each language once"]),
    "a mapping in a list": ([{"en": 1}], ["must be a name or a code", "{'en': 1}"]),
}


def test_every_preset_is_tested():
    assert preset_names() == tuple(SIZES)


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_a_preset_holds_that_many_different_languages(name, size):
    preset = find_preset(name)
    assert len(find_languages(preset.languages)) == size
    assert preset.name == name and preset.title and preset.source


def test_the_eu_has_its_official_languages():
    outside = {"ca", "eu", "gl", "uk", "no", "tr", "lb", "sr"}
    assert not outside & set(find_preset("eu-24").languages)
    assert {"ga", "mt", "hr", "el"} < set(find_preset("eu-24").languages)


def test_salamandra_has_serbian_in_both_scripts_and_both_kinds_of_norwegian():
    tags = {language.tag for language in find_languages(find_preset("salamandra-35").languages)}
    assert {"srp_Cyrl", "srp_Latn", "nob_Latn", "nno_Latn", "oci_Latn"} < tags


def test_only_the_preset_of_mathematics_and_code_holds_domains():
    with_domains = [name for name in presets() if any(each.is_domain for each in find_languages(write_out(name)))]
    assert with_domains == ["beyond-english-10-code-math"]


@pytest.mark.parametrize(("given_languages", "expected"), WRITTEN_OUT, ids=[str(each) for each, _ in WRITTEN_OUT])
def test_a_preset_is_written_out_in_its_place(given_languages, expected):
    assert write_out(given_languages) == expected


@given(st.lists(st.sampled_from([*SIZES, AUTO]), min_size=1))
def test_written_out_lists_name_every_language_once(names):
    written = write_out(names, on_card=["en", "ca", "code"])
    assert len(find_languages(written)) == len(written)
    every = {find_language(code) for name in names if name != AUTO for code in presets()[name].languages}
    assert set(find_languages(written)) == every | (
        set(find_languages(["en", "ca", "code"])) if AUTO in names else set()
    )
    assert write_out(written) == written


@pytest.mark.parametrize(("languages", "words"), REFUSED.values(), ids=REFUSED)
def test_languages_that_cannot_work_are_refused(languages, words):
    with pytest.raises(LanguageError) as caught:
        write_out(languages)
    assert [word for word in words if word not in str(caught.value)] == []


def test_the_message_names_the_setting():
    with pytest.raises(LanguageError, match=r"evaluation\.languages must be a list"):
        write_out("en", "evaluation.languages")


def test_an_unknown_preset_is_refused_with_the_nearest_and_all_names():
    with pytest.raises(LanguageError) as caught:
        find_preset("salamandra")
    message = str(caught.value)
    assert "No preset is called 'salamandra'. Did you mean 'salamandra-35'?" in message
    assert all(name in message for name in preset_names())


def test_presets_can_be_sent_as_json():
    assert json.loads(json.dumps(write_out("flores-low"))) == list(find_preset("flores-low").languages)
