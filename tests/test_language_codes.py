"""Codes and tags are read as their standards mean them."""

from importlib import resources

import pytest
from langcodes.data_dicts import LIKELY_SUBTAGS

from optimum_multilingual.flores import flores_tiers
from optimum_multilingual.language_codes import (
    APART_FROM_CLDR,
    INDIVIDUAL_OF_MACROLANGUAGE,
    SCRIPT_MISSING_IN_CLDR,
    code_and_script,
    groups,
    likely_script,
    read_tag,
    shortest,
)

READ = {
    "sw": ("swh", "Latn"),
    "sr-Latn-RS": ("srp", "Latn"),
    "zh-cmn-Hant": ("cmn", "Hant"),
    "ar-arz": ("arz", "Arab"),
    "fa-AF": ("prs", "Arab"),
    "aaa": ("aaa", None),
    "aaa-Latn": ("aaa", "Latn"),
    "bh": ("bih", "Deva"),
}


@pytest.mark.parametrize(("tag", "expected"), READ.items())
def test_a_tag_becomes_a_code_and_a_script(tag, expected):
    assert code_and_script(read_tag(tag)) == expected


@pytest.mark.parametrize("tag", ["", "s", "xx", "swahili", "sw_", "und", "qaa", "x-foo", "swh_Zxxx", "sgn-ase-bfi"])
def test_what_is_no_tag_of_a_language_is_none(tag):
    assert read_tag(tag) is None


def test_groups_are_those_the_registry_of_subtags_marks():
    registry = resources.files("langcodes").joinpath("data", "language-subtag-registry.txt").read_text("utf-8")
    entries = [
        dict(line.split(": ", 1) for line in entry.splitlines() if ": " in line) for entry in registry.split("%%")
    ]
    marked = {entry["Subtag"] for entry in entries if entry.get("Scope") == "collection"}
    assert groups() == marked - {"bh"} | {"bih"}


def test_the_script_is_unknown_where_langcodes_would_say_latin_for_want_of_data():
    assert read_tag("aaa").maximize().script == "Latn"
    assert likely_script("aaa") is None


@pytest.mark.parametrize("code", SCRIPT_MISSING_IN_CLDR)
def test_no_script_is_listed_that_langcodes_knows(code):
    assert shortest(code).to_tag() not in LIKELY_SUBTAGS
    assert code not in {tag[:3] for tag in flores_tiers()}


@pytest.mark.parametrize("code", [*APART_FROM_CLDR, *INDIVIDUAL_OF_MACROLANGUAGE.values()])
def test_the_shortest_tag_of_a_language_is_read_as_that_language(code):
    assert code_and_script(read_tag(shortest(code).to_tag()))[0] == code
