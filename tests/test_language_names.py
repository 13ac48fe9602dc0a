"""Names lead to languages, and misspelt names to the nearest ones."""

import pytest

from optimum_multilingual.known_languages import common_tags
from optimum_multilingual.language_names import english_name, native_name, nearest_names, read_name

NAMES = {
    ("swh", "Latn"): ("Swahili", "Kiswahili"),
    ("srp", "Latn"): ("Serbian (Latin)", "srpski (latinica)"),
    ("prs", "Arab"): ("Dari", "Dari"),
    ("tgl", "Latn"): ("Tagalog", "Tagalog"),
    ("jpn", "Jpan"): ("Japanese", "日本語"),
}


@pytest.mark.parametrize(("language", "names"), NAMES.items())
def test_a_language_has_an_english_and_a_native_name(language, names):
    assert (english_name(*language), native_name(*language)) == names


def test_no_two_common_languages_share_an_english_name():
    names = [english_name(*tag.split("_")) for tag in common_tags()]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "Unknown" in name]


@pytest.mark.parametrize(
    ("name", "tag"), [("Tamasheq", "taq-Latn"), ("Ladino", "lad-Hebr"), ("ojibwa", "oj-Cans"), ("Kiswahili", "sw")]
)
def test_a_name_is_read_as_the_language_that_bears_it(name, tag):
    assert read_name(name).to_tag() == tag


@pytest.mark.parametrize("name", ["Unknown language", "no such language", "\ud800", "sw\x00"])
def test_what_nothing_is_called_is_none(name):
    assert read_name(name) is None


def test_suggestions_are_few_and_the_nearest_comes_first():
    assert nearest_names("Swahilli")[0] == "Swahili"
    assert nearest_names("  PORTUGESE ")[0] == "Portuguese"
    assert len(nearest_names("Chinese (Traditionel)")) <= 3
    assert nearest_names("zzzzzzzzzzzz") == []


def test_other_names_are_suggested_beside_those_of_languages():
    assert nearest_names("eu24", ["eu-24", "flores-low"]) == ["eu-24"]
